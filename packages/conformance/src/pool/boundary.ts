import assert from "node:assert/strict";
import { threadId } from "node:worker_threads";
import { inGroup } from "../scenario.ts";
import { isolated, type PoolScenario } from "./context.ts";

export const boundary: readonly PoolScenario[] = inGroup("boundary", [
  {
    id: "logs-and-progress-come-in-order-and-before-the-outcome",
    invariants: [],
    promise: "When the outcome is known, every log line has been handed over in order, and the last progress too.",
    async run(c) {
      const pool = await c.start();
      const request = c.request("speaks", [500]);
      await c.ends(pool.run(request), "returned");
      const lines = c.logs.filter(({ id }) => id === request.id);
      assert.deepEqual(
        lines.map(({ message }) => message),
        Array.from({ length: 500 }, (_, said) => `line ${said}`),
      );
      assert.deepEqual(lines[7]?.fields, { said: 7 });
      assert.equal(lines[0]?.level, "info");
      assert.equal(lines[0]?.task, "speaks");
      assert.deepEqual(JSON.parse(String(c.progress.at(-1)?.progress)), { said: 499 });
      assert.ok(c.progress.length < 500, "progress is batched");
    },
  },
  {
    id: "tasks-enqueue-through-the-engine",
    invariants: [],
    promise:
      "What a task enqueues reaches the caller's client, with its family, and resolves with the broker's answer.",
    async run(c) {
      const pool = await c.start();
      const request = c.request("enqueues", [20]);
      const { value } = await c.ends(pool.run(request), "returned");
      assert.deepEqual(
        c.published.map(({ id }) => id),
        JSON.parse(String(value)),
      );
      assert.ok(c.published.every(({ headers }) => headers.parent === request.id && headers.root === request.id));
      assert.equal(await c.value(pool, "refused"), "PUBLISH_REFUSED");
    },
  },
  {
    id: "output-comes-as-lines",
    invariants: [],
    promise: "What a task prints arrives line by line as `output` events of its executor.",
    requires: isolated,
    async run(c) {
      const pool = await c.start({ size: 1 });
      const events = c.events(pool);
      await c.ends(c.run(pool, "prints", 50), "returned");
      await events.next("output", ({ stream, line }) => stream === "stderr" && line === "err");
      await events.next("output", ({ line }) => line === "out 49");
      const lines = events.events.flatMap((event) =>
        event.type === "output" && event.stream === "stdout" && event.line.startsWith("out ") ? [event.line] : [],
      );
      assert.deepEqual(
        lines,
        Array.from({ length: 50 }, (_, line) => `out ${line}`),
      );
    },
  },
  {
    id: "values-are-copies",
    invariants: [],
    promise: "Where values are copied, what the caller does to a body after the tick of run() changes nothing.",
    requires: ({ passing }) => passing === "copy",
    async run(c) {
      const pool = await c.start();
      const body = Buffer.from(JSON.stringify([["as it was"], {}, {}]));
      const execution = pool.run(c.request("echo", [], { body }));
      await new Promise((resolve) => setImmediate(resolve));
      body.fill(32);
      assert.equal(JSON.parse(String((await c.ends(execution, "returned")).value)), "as it was");
    },
  },
  {
    id: "references-stay-in-the-process",
    invariants: [],
    promise:
      "Where values are passed by reference, tasks run on the caller's own thread: nowhere else could they follow one.",
    requires: ({ passing }) => passing === "reference",
    async run(c) {
      const pool = await c.start();
      const where = (await c.value(pool, "where")) as { readonly pid: number; readonly threadId: number };
      assert.deepEqual([where.pid, where.threadId], [process.pid, threadId]);
    },
  },
]);
