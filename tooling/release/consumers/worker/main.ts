import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { sqliteBroker, sqliteResults } from "@lovage/broker-sqlite";
import { createApp, loadApp } from "@lovage/core";
import { createWorker } from "@lovage/core/engine";
import { eventPool } from "@lovage/pool-event";
import { greet } from "./app.ts";

const path = "./lovage.db";
const worker = createWorker({
  app: await loadApp(fileURLToPath(new URL("./app.ts", import.meta.url))),
  broker: sqliteBroker({ path }),
  results: sqliteResults({ path }),
  pools: { io: { pool: eventPool({ size: 10 }) } },
  queues: [{ name: "io", pool: "io" }],
});
await worker.start();
{
  await using producer = createApp({
    tasks: [greet],
    broker: sqliteBroker({ path }),
    results: sqliteResults({ path }),
  });
  const run = await producer.task(greet).enqueue("Ann");
  assert.deepEqual(await run.result({ timeout: "30s" }), { greeting: "hello, Ann", isMainThread: false });
}
assert.equal((await worker.stop()).clean, true);
