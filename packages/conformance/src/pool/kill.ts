import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { isAlive, type PoolScenario } from "./context.ts";
import type { PoolFacts } from "./harness.ts";

const kills = ({ kill }: PoolFacts): boolean => kill !== "never";
const LAST_RESORT_MS = 5_000;

export const kill: readonly PoolScenario[] = inGroup("kill", [
  {
    id: "ends-a-task-that-spins",
    invariants: [],
    promise: "kill() ends a task in an endless loop: `killed`, with the reason, and the slot is back.",
    requires: kills,
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const execution = await c.begun(pool, "spins", 60_000);
      const askedAt = performance.now();
      await execution.kill("hard-limit");
      assert.ok(performance.now() - askedAt < LAST_RESORT_MS, "it did not need the last resort");
      const outcome = await c.ends(execution, "killed");
      assert.equal(outcome.reason, "hard-limit");
      assert.ok(outcome.startedAt !== undefined);
      await c.whole(pool, slots);
      assert.equal(await c.value(pool, "echo", "again"), "again");
      assert.equal(pool.stats().killed, 1);
    },
  },
  {
    id: "ends-a-task-that-waits",
    invariants: [],
    promise: "kill() ends a task that waits for ever, and says so once however often it is asked.",
    requires: kills,
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const events = c.events(pool);
      const execution = await c.begun(pool, "waits");
      await Promise.all([execution.kill("cancelled"), execution.kill("hard-limit")]);
      assert.equal((await c.ends(execution, "killed")).reason, "cancelled");
      await execution.kill("shutdown");
      const ended = await events.next("executor-ended");
      assert.equal(ended.reason, "killed");
      await c.whole(pool, slots);
    },
  },
  {
    id: "neighbours-are-abandoned",
    invariants: [],
    promise: "What ran beside a killed task comes back as `abandoned`; so does what had not begun.",
    requires: ({ shared, kill, killTakesNeighbours }) => shared && killTakesNeighbours && kill !== "never",
    async run(c) {
      const pool = await c.start({ size: 10 }, { stallMs: 400 });
      const events = c.events(pool);
      const neighbours = await Promise.all(Array.from({ length: 5 }, () => c.begun(pool, "waits")));
      const culprit = c.run(pool, "spins", 60_000);
      // A message of its own, sent when the loop is held already.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const behind = c.run(pool, "echo", 1);
      await events.next("stalled");
      await culprit.kill("hard-limit");
      await c.ends(culprit, "killed");
      for (const neighbour of neighbours)
        assert.ok((await c.ends(neighbour, "abandoned")).startedAt !== undefined, "a neighbour had begun");
      assert.equal((await c.ends(behind, "abandoned")).startedAt, undefined, "the one behind had not");
      await c.whole(pool, 10);
    },
  },
  {
    id: "gives-up-after-five-seconds",
    together: true,
    invariants: [],
    promise:
      "A task inside a native call is given up 5 s after kill(): `killed`, its slot replaced, the executor lost.",
    requires: ({ kill }) => kill === "javascript",
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const { execution } = await c.inNativeCall(pool, 7);
      const askedAt = performance.now();
      await execution.kill("hard-limit");
      const took = performance.now() - askedAt;
      assert.ok(took > LAST_RESORT_MS - 100 && took < LAST_RESORT_MS + 1_000, `it took ${Math.round(took)} ms`);
      await c.ends(execution, "killed");
      await c.whole(pool, slots);
      assert.equal(await c.value(pool, "echo", "again"), "again");
      await c.until(
        "the lost executor to be gone",
        () => pool.stats().executors.length === (c.facts.shared ? 1 : slots),
      );
    },
  },
  {
    id: "kills-a-native-call",
    invariants: [],
    promise: "Where kill works always, it ends a task inside a native call, and the processes that it has started.",
    requires: ({ kill }) => kill === "always",
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const { execution, pid } = await c.inNativeCall(pool, 600);
      const askedAt = performance.now();
      await execution.kill("hard-limit");
      assert.ok(performance.now() - askedAt < 2_000);
      await c.ends(execution, "killed");
      await c.until("the program that it waited for to be gone", () => !isAlive(pid));
      await c.whole(pool, slots);
    },
  },
  {
    id: "never-means-never",
    together: true,
    invariants: [],
    promise: "Where kill is `never`, a killed run is given up after 5 s and its neighbours go on.",
    requires: ({ kill }) => kill === "never",
    async run(c) {
      const pool = await c.start();
      const neighbour = pool.capacity > 1 ? c.run(pool, "gate") : undefined;
      const execution = c.run(pool, "waits");
      await execution.kill("hard-limit");
      await c.ends(execution, "killed");
      neighbour?.abort("cancelled");
      if (neighbour !== undefined) await c.ends(neighbour, "returned");
      assert.equal(pool.free, pool.capacity);
    },
  },
  {
    id: "neighbours-go-on",
    invariants: [],
    promise: "Where a kill takes no neighbours, what runs in other slots goes on and ends as if nothing had happened.",
    requires: ({ kill, killTakesNeighbours }) => kill !== "never" && !killTakesNeighbours,
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const neighbours = await Promise.all(Array.from({ length: slots - 1 }, () => c.begun(pool, "gate")));
      const culprit = await c.begun(pool, "spins", 60_000);
      await culprit.kill("hard-limit");
      await c.ends(culprit, "killed");
      for (const neighbour of neighbours) neighbour.abort("cancelled");
      for (const neighbour of neighbours) await c.ends(neighbour, "returned");
      await c.whole(pool, slots);
    },
  },
]);
