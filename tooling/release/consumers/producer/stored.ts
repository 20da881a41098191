import assert from "node:assert/strict";
import { sqliteBroker } from "@lovage/broker-sqlite";

/** Another process finds what the producer stored. */
await using broker = sqliteBroker({ path: "./lovage.db" });
await broker.connect();
const depth = await broker.depth("cpu");
assert.deepEqual({ ready: depth.ready, delayed: depth.delayed }, { ready: 1, delayed: 1 });
