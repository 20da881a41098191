export { sqliteBroker } from "./sqlite-broker.ts";
export { STORAGE_CODES } from "./sqlite-errors.ts";
export type { SqliteBrokerOptions, SqliteOptions, SqliteResultsOptions } from "./sqlite-options.ts";
export { sqliteResults } from "./sqlite-results.ts";
export { publishInTransaction } from "./sqlite-transaction.ts";
