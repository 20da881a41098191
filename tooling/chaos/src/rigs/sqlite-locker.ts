/** Holds the write lock of the SQLite file in its argument until it is killed, or for a minute. */

import { DatabaseSync } from "node:sqlite";

const LEFT_ALONE_MS = 60_000;

const database = new DatabaseSync(process.argv[2] as string, { timeout: 10_000 });
database.exec("BEGIN IMMEDIATE");
console.log("locked");
setTimeout(() => database.close(), LEFT_ALONE_MS);
