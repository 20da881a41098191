import assert from "node:assert/strict";
import { sqliteBroker, sqliteResults } from "@lovage/broker-sqlite";
import { createApp } from "@lovage/core";
import { thumbnail } from "./tasks.ts";

const path = "./lovage.db";
await using app = createApp({
  tasks: [thumbnail],
  broker: sqliteBroker({ path }),
  results: sqliteResults({ path }),
});

const run = await thumbnail.enqueue("a.png", 32);
await app.task(thumbnail).with({ delay: "5m", priority: 7 }).enqueue("b.png");

// @ts-expect-error the arguments are checked, also through the published types
const wrong = (): Promise<unknown> => thumbnail.enqueue(1);

assert.equal(typeof wrong, "function");
assert.equal(await run.state(), undefined);
