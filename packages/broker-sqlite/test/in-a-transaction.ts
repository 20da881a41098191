/** Opens the file, begins to empty every table, says so, and waits to be killed. */

import { DatabaseSync } from "node:sqlite";
import { TABLES } from "../src/sqlite-schema.ts";

const db = new DatabaseSync(process.argv[2] ?? "");
// With a cache this small, pages are written to the log before the commit that never comes.
db.exec("PRAGMA busy_timeout = 5000; PRAGMA cache_size = 1; BEGIN IMMEDIATE");
for (const table of TABLES) db.exec(`DELETE FROM ${table}`);
process.send?.("in a transaction");
process.on("disconnect", () => process.exit());
