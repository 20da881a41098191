import assert from "node:assert/strict";
import { payloadText, type ResultRecord, type ResultStore } from "@lovage/core/contracts";
import { rejectsWith } from "../broker/codes.ts";
import { before } from "../run-scenarios.ts";
import { inGroup } from "../scenario.ts";
import { expecting, type ResultContext, type ResultScenario } from "./context.ts";
import { states } from "./waiting.ts";

const RUNNING = { state: "running", final: false } as const;

/** The first record of an id that the caller has; it arrives in its own time. */
async function arrived(c: ResultContext, store: ResultStore, id: string): Promise<ResultRecord> {
  for await (const record of store.wait(id, { signal: AbortSignal.timeout(Math.ceil(c.tolerance.patienceMs)) }))
    return record;
  return assert.fail("no record arrived");
}

export const replies: readonly ResultScenario[] = inGroup(
  "replies",
  [
    {
      id: "round-trip",
      invariants: ["I-59"],
      promise:
        "What any connection writes for a caller arrives there as it was written: value bytes, error with causes, progress, worker and times.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller(4);
        const [text, bytes, failed, none] = ids as [string, string, string, string];
        const value = Uint8Array.from({ length: 1_024 }, (_, index) => (index * 7) % 256);
        const error = {
          name: "TypeError",
          message: "größe\n",
          stack: "at x\n".repeat(2_000),
          code: 7,
          cause: { name: "E", message: "m", stack: "at y\n".repeat(2_000) },
        };
        const records: readonly ResultRecord[] = [
          c.record(text, {
            value: '{"größe":"🌿"}\n',
            attempt: 3,
            worker: "w-1",
            startedAt: 1_893_455_999_000,
            replyTo,
          }),
          c.record(bytes, { value, replyTo }),
          c.record(failed, { state: "failed", error, replyTo }),
          c.record(none, { ...RUNNING, progress: '{"done":0.5}', replyTo }),
        ];
        await (await c.connect()).write(records);
        for (const written of records) {
          const read = await arrived(c, store, written.id);
          for (const part of [
            "task",
            "state",
            "final",
            "attempt",
            "error",
            "worker",
            "startedAt",
            "finishedAt",
          ] as const)
            assert.deepEqual(read[part], written[part], part);
          for (const part of ["value", "progress"] as const) {
            const [sent, got] = [written[part], read[part]];
            assert.equal(got === undefined, sent === undefined, part);
            if (sent !== undefined) assert.ok(Buffer.from(got as string).equals(Buffer.from(sent as string)), part);
          }
        }
      },
    },
    {
      id: "only-the-caller-has-it",
      invariants: ["I-59"],
      promise:
        "Whoever did not enqueue the task is told at once that its result is elsewhere, and is not left waiting.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        const [id] = ids as [string];
        const other = await c.connect();
        await other.write([c.record(id, { replyTo })]);
        await arrived(c, store, id);
        await rejectsWith("RESULT_ELSEWHERE", () => other.read([id]));
        await rejectsWith("RESULT_ELSEWHERE", () =>
          before(c.tolerance.patienceMs, "the wait to be refused", states(other.wait(id))),
        );
        await rejectsWith("RESULT_ELSEWHERE", () => store.read([c.id()]));
      },
    },
    {
      id: "nobody-waits",
      invariants: ["I-59"],
      promise: "Writing for a caller that is gone, or for none, succeeds: a task does not fail because nobody waits.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        await store.close();
        const writer = await c.connect();
        const records = [c.record(ids[0] as string, { replyTo }), c.record(c.id())];
        await before(c.tolerance.patienceMs, "writing to be done", writer.write(records));
      },
    },
    {
      id: "addresses-of-strangers",
      invariants: ["I-59"],
      promise: "An address that no caller gave harms nobody: writing there succeeds and reaches no one.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        const [id] = ids as [string];
        const writer = await c.connect();
        const strange = ["", "x", `${replyTo}x`, replyTo.slice(0, -1), "../../etc", "a".repeat(500)];
        const writing = writer.write(strange.map((address) => c.record(id, { state: "failed", replyTo: address })));
        await before(c.tolerance.patienceMs, "writing to be done", writing);
        await writer.write([c.record(id, { replyTo })]);
        assert.equal((await arrived(c, store, id)).state, "succeeded");
      },
    },
    {
      id: "does-not-go-back",
      invariants: ["I-59"],
      promise: "At the caller nothing replaces a final record, and no earlier attempt a later one.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller(2);
        const [id, marker] = ids as [string, string];
        const writer = await c.connect();
        await writer.write([
          c.record(id, { ...RUNNING, attempt: 2, replyTo }),
          c.record(id, { attempt: 1, state: "failed", replyTo }),
          c.record(id, { attempt: 2, value: "1", replyTo }),
          c.record(id, { attempt: 3, value: "2", replyTo }),
        ]);
        await writer.write([c.record(marker, { replyTo })]);
        await arrived(c, store, marker);
        const [record] = await store.read([id]);
        assert.deepEqual([record?.attempt, record?.state, payloadText(record?.value ?? "")], [2, "succeeded", "1"]);
      },
    },
    {
      id: "wait-follows-until-the-end",
      invariants: ["I-59"],
      promise:
        "A caller that waits is woken within a second, sees changes until the final record, and sees that one also when it comes later.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        const [id] = ids as [string];
        const writer = await c.connect();
        const seen: string[] = [];
        const waiting = (async () => {
          for await (const { state } of store.wait(id)) seen.push(state);
        })();
        const writtenAt = performance.now();
        await writer.write([c.record(id, { ...RUNNING, replyTo })]);
        await c.until("the waiter to be woken", () => seen.length === 1);
        assert.ok(performance.now() - writtenAt < 1_000 + c.tolerance.slackMs, "within a second");
        await writer.write([c.record(id, { replyTo })]);
        await before(c.tolerance.patienceMs, "the wait to end", waiting);
        assert.deepEqual(seen, ["running", "succeeded"]);
        assert.deepEqual(await states(store.wait(id)), ["succeeded"]);
      },
    },
    {
      id: "no-reply-is-lost",
      invariants: ["I-59"],
      promise: "However closely writes and waits follow each other, every waiter gets its result.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller(200);
        const writers = [await c.connect(), await c.connect()];
        const endings = ids.map(async (id, index) => {
          const writing = writers[index % 2]?.write([c.record(id, { replyTo })]);
          for (let tick = 0; tick < index % 6; tick += 1) await new Promise((resolve) => setImmediate(resolve));
          const seen = await states(store.wait(id));
          await writing;
          return seen.at(-1);
        });
        const seen = await before(c.tolerance.patienceMs, "all waiters to be woken", Promise.all(endings));
        assert.deepEqual([...new Set(seen)], ["succeeded"]);
      },
    },
    {
      id: "callers-are-apart",
      invariants: ["I-59"],
      promise: "Each caller gets the results of its own tasks, also when several are served by one connection.",
      async run(c) {
        const [one, two] = [await c.caller(20), await c.caller(20)];
        assert.notEqual(one.replyTo, two.replyTo);
        const writer = await c.connect();
        await writer.write(
          [one, two].flatMap(({ ids, replyTo }) => ids.map((id) => c.record(id, { value: replyTo, replyTo }))),
        );
        for (const { store, ids, replyTo } of [one, two])
          for (const id of ids) assert.equal(payloadText((await arrived(c, store, id)).value ?? ""), replyTo);
      },
    },
    {
      id: "expires",
      together: true,
      invariants: ["I-59"],
      promise: "A record is gone when its time has passed, not before.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        const [id] = ids as [string];
        const writtenAt = performance.now();
        await (await c.connect()).write([c.record(id, { ttlMs: 800, replyTo })]);
        await arrived(c, store, id);
        const gone = async (): Promise<boolean> => (await store.read([id]).catch(() => [undefined]))[0] === undefined;
        await c.until("it to be gone", gone, 800 + (c.harness.expiryResolutionMs ?? 1_000) + c.tolerance.slackMs);
        assert.ok(performance.now() - writtenAt >= 799, "not before its time");
      },
    },
    {
      id: "forgets",
      invariants: ["I-59"],
      promise: "What the caller forgets is gone, and no longer expected; expecting it again begins anew.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        const [id] = ids as [string];
        const writer = await c.connect();
        await writer.write([c.record(id, { replyTo })]);
        await arrived(c, store, id);
        await store.forget([id, c.id()]);
        await rejectsWith("RESULT_ELSEWHERE", () => store.read([id]));
        await writer.write([c.record(id, { state: "failed", replyTo: await expecting(store, [id]) })]);
        assert.equal((await arrived(c, store, id)).state, "failed");
      },
    },
    {
      id: "wait-can-be-called-off",
      invariants: ["I-59"],
      promise: "A wait ends without a record when its signal aborts, before or during; others of the same id go on.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        const [id] = ids as [string];
        const controller = new AbortController();
        const called = states(store.wait(id, { signal: controller.signal }));
        const going = states(store.wait(id));
        await new Promise((resolve) => setImmediate(resolve));
        controller.abort();
        assert.deepEqual(await before(c.tolerance.patienceMs, "the wait to end", called), []);
        assert.deepEqual(await states(store.wait(id, { signal: AbortSignal.abort() })), []);
        await (await c.connect()).write([c.record(id, { replyTo })]);
        assert.deepEqual(await before(c.tolerance.patienceMs, "the other wait to end", going), ["succeeded"]);
      },
    },
    {
      id: "close-is-final-and-idempotent",
      invariants: ["I-56"],
      promise:
        "Closing twice is as good as once, ends waits, and afterwards everything rejects with BrokerClosedError.",
      async run(c) {
        const { store, ids, replyTo } = await c.caller();
        const waiting = states(store.wait(ids[0] as string)).catch(() => []);
        await Promise.all([store.close(), store.close()]);
        await before(c.tolerance.patienceMs, "the wait to end", waiting);
        await rejectsWith("BROKER_CLOSED", () => store.read(ids));
        await rejectsWith("BROKER_CLOSED", () => store.write(ids.map((id) => c.record(id, { replyTo }))));
        await rejectsWith("BROKER_CLOSED", () => expecting(store, ids));
        await rejectsWith("BROKER_CLOSED", () => store.forget(ids));
      },
    },
  ],
  { requires: ({ keptFor }) => keptFor === "caller" },
);
