import assert from "node:assert/strict";
import type { ResultRecord } from "@lovage/core/contracts";
import { before } from "../run-scenarios.ts";
import { inGroup } from "../scenario.ts";
import type { ResultScenario } from "./context.ts";

/** The promises of a store that keeps records for whoever asks. */
export const FOR_ANYONE: Pick<ResultScenario, "requires"> = { requires: ({ keptFor }) => keptFor === "anyone" };

const RUNNING = { state: "running", final: false } as const;

export async function states(changes: AsyncIterable<ResultRecord>): Promise<readonly string[]> {
  const seen: string[] = [];
  for await (const { state } of changes) seen.push(state);
  return seen;
}

export const waiting: readonly ResultScenario[] = inGroup(
  "results",
  [
    {
      id: "wait-shows-what-is-there",
      invariants: ["I-59"],
      promise: "Waiting for a result that is final already yields it and ends.",
      async run(c) {
        const id = c.id();
        await (await c.store()).write([c.record(id)]);
        const seen = await before(c.tolerance.patienceMs, "the wait to end", states((await c.connect()).wait(id)));
        assert.deepEqual(seen, ["succeeded"]);
      },
    },
    {
      id: "wait-is-woken",
      invariants: ["I-59"],
      promise: "A waiter that came first is woken by the write of another connection, within a second.",
      async run(c) {
        const id = c.id();
        const writer = await c.connect();
        const iterator = (await c.store()).wait(id)[Symbol.asyncIterator]();
        const first = iterator.next();
        await c.elapse(50);
        const writtenAt = performance.now();
        await writer.write([c.record(id)]);
        const { value } = await before(c.tolerance.patienceMs, "the waiter to be woken", first);
        assert.equal(value?.state, "succeeded");
        assert.ok(performance.now() - writtenAt < 1_000 + c.tolerance.slackMs, "within a second");
        assert.equal((await iterator.next()).done, true, "it ends after the final record");
      },
    },
    {
      id: "wait-follows-changes",
      invariants: ["I-59"],
      promise: "A waiter sees changes until the final record; some between may be skipped, the final one never is.",
      async run(c) {
        const id = c.id();
        const writer = await c.connect();
        await writer.write([c.record(id, { ...RUNNING })]);
        const seen: string[] = [];
        const waiting = (async () => {
          for await (const { state, attempt: number } of (await c.store()).wait(id)) seen.push(`${state} ${number}`);
        })();
        await c.until("the present record to be seen", () => seen.length === 1);
        await writer.write([c.record(id, { state: "retrying", final: false })]);
        await writer.write([c.record(id, { ...RUNNING, attempt: 2 })]);
        await writer.write([c.record(id, { attempt: 2 })]);
        await before(c.tolerance.patienceMs, "the wait to end", waiting);
        assert.equal(seen[0], "running 1");
        assert.equal(seen.at(-1), "succeeded 2");
        const order = ["running 1", "retrying 1", "running 2", "succeeded 2"];
        assert.deepEqual(
          seen,
          order.filter((state) => seen.includes(state)),
        );
      },
    },
    {
      id: "no-wake-up-is-lost",
      invariants: ["I-59"],
      promise: "However closely a write and a wait follow each other, the waiter gets the result.",
      async run(c) {
        const writer = await c.connect();
        const store = await c.store();
        const ids = Array.from({ length: 60 }, () => c.id());
        const endings = ids.map(async (id, index) => {
          const writing = async (): Promise<void> => {
            for (let tick = 0; tick < index % 6; tick += 1) await new Promise((resolve) => setImmediate(resolve));
            await writer.write([c.record(id)]);
          };
          if (index % 2 === 0) {
            const waiting = states(store.wait(id));
            await writing();
            return waiting;
          }
          const written = writing();
          const waiting = states(store.wait(id));
          await written;
          return waiting;
        });
        const seen = await before(c.tolerance.patienceMs, "all waiters to be woken", Promise.all(endings));
        assert.deepEqual([...new Set(seen.map((each) => each.at(-1)))], ["succeeded"]);
      },
    },
    {
      id: "wait-can-be-called-off",
      invariants: ["I-59"],
      promise: "A wait ends without a record when its signal aborts, before or during; others of the same id go on.",
      async run(c) {
        const id = c.id();
        const store = await c.store();
        const controller = new AbortController();
        const called = states(store.wait(id, { signal: controller.signal }));
        const going = states(store.wait(id));
        await c.elapse(50);
        controller.abort();
        assert.deepEqual(await before(c.tolerance.patienceMs, "the wait to end", called), []);
        assert.deepEqual(await states(store.wait(id, { signal: AbortSignal.abort() })), []);
        await store.write([c.record(id)]);
        assert.deepEqual(await before(c.tolerance.patienceMs, "the other wait to end", going), ["succeeded"]);
      },
    },
  ],
  FOR_ANYONE,
);
