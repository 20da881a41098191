import assert from "node:assert/strict";
import { payloadText, type ResultRecord, type ResultStore } from "@lovage/core/contracts";
import { rejectsWith } from "../broker/codes.ts";
import { before } from "../run-scenarios.ts";
import { inGroup } from "../scenario.ts";
import type { ResultScenario } from "./context.ts";
import { FOR_ANYONE, states } from "./waiting.ts";

const RUNNING = { state: "running", final: false } as const;

async function attempt(store: ResultStore, id: string): Promise<readonly [number, string] | undefined> {
  const [record] = await store.read([id]);
  return record === undefined ? undefined : [record.attempt, record.state];
}

export const records: readonly ResultScenario[] = inGroup(
  "results",
  [
    {
      id: "round-trip",
      invariants: ["I-59"],
      promise:
        "A record is read as it was written, by every connection: value bytes, error with causes, progress, worker and times.",
      async run(c) {
        const [succeeded, failed, running] = [c.id(), c.id(), c.id()];
        const records: readonly ResultRecord[] = [
          c.record(succeeded, { value: '{"größe":"🌿"}', attempt: 3, worker: "w-1", startedAt: 1_893_455_999_000 }),
          c.record(failed, {
            state: "failed",
            error: {
              name: "TypeError",
              message: "x is not y",
              stack: "TypeError: …",
              code: 7,
              cause: { name: "E", message: "m" },
            },
          }),
          c.record(running, { ...RUNNING, progress: '{"done":0.5}' }),
        ];
        await (await c.store()).write(records);
        const other = await c.connect();
        const read = await other.read([succeeded, failed, running]);
        for (const [index, written] of records.entries()) {
          const record = read[index];
          assert.ok(record !== undefined, `record ${index} is there`);
          const { ttlMs: _ttlMs, value, progress, ...rest } = record;
          const { value: writtenValue, progress: writtenProgress, ...writtenRest } = written;
          assert.deepEqual(rest, writtenRest);
          assert.equal(value === undefined ? undefined : payloadText(value), writtenValue);
          assert.equal(progress === undefined ? undefined : payloadText(progress), writtenProgress);
        }
      },
    },
    {
      id: "bytes-are-identical",
      invariants: ["I-59", "I-8"],
      promise: "A value that is bytes arrives byte for byte, whatever they are; an absent value stays absent.",
      async run(c) {
        const [bytes, none, empty] = [c.id(), c.id(), c.id()];
        const value = Uint8Array.from({ length: 1_024 }, (_, index) => (index * 7) % 256);
        await (await c.store()).write([c.record(bytes, { value }), c.record(none), c.record(empty, { value: "" })]);
        const [first, second, third] = await (await c.connect()).read([bytes, none, empty]);
        assert.ok(Buffer.from(first?.value as Uint8Array).equals(Buffer.from(value)));
        assert.equal(second?.value, undefined);
        assert.equal(third?.value === undefined ? undefined : Buffer.from(third.value as string).length, 0);
      },
    },
    {
      id: "read-in-order",
      invariants: ["I-59"],
      promise: "Records are read in the order asked, with undefined where there is none.",
      async run(c) {
        const store = await c.store();
        const ids = Array.from({ length: 40 }, () => c.id());
        await Promise.all(ids.map((id, index) => store.write([c.record(id, { attempt: index + 1 })])));
        const absent = c.id();
        const read = await store.read([absent, ...ids.toReversed(), absent]);
        assert.deepEqual(
          read.map((record) => record?.id),
          [undefined, ...ids.toReversed(), undefined],
        );
        assert.deepEqual(await store.read([]), []);
        await store.write([]);
      },
    },
    {
      id: "final-is-final",
      invariants: ["I-59"],
      promise:
        "Nothing replaces a final record: no later attempt, no other ending; losing that comparison is not an error.",
      async run(c) {
        const store = await c.store();
        const id = c.id();
        await store.write([c.record(id, { attempt: 2, value: "1" })]);
        await store.write([c.record(id, { ...RUNNING, attempt: 3 })]);
        await store.write([c.record(id, { attempt: 2, value: "2" })]);
        await (await c.connect()).write([c.record(id, { attempt: 9, state: "failed" })]);
        const [record] = await store.read([id]);
        assert.deepEqual([record?.attempt, record?.state, payloadText(record?.value ?? "")], [2, "succeeded", "1"]);
      },
    },
    {
      id: "older-attempt-loses",
      invariants: ["I-59"],
      promise:
        "A late earlier attempt, final or not, never replaces the record of a newer one; the same attempt may go on.",
      async run(c) {
        const store = await c.store();
        const id = c.id();
        await store.write([c.record(id, { ...RUNNING, attempt: 2 })]);
        await store.write([c.record(id, { attempt: 1, state: "failed" })]);
        assert.deepEqual(await attempt(store, id), [2, "running"]);
        await store.write([c.record(id, { state: "retrying", final: false, attempt: 1 })]);
        assert.deepEqual(await attempt(store, id), [2, "running"]);
        await store.write([c.record(id, { state: "retrying", final: false, attempt: 2 })]);
        assert.deepEqual(await attempt(store, id), [2, "retrying"]);
        await store.write([c.record(id, { ...RUNNING, attempt: 3 })]);
        await store.write([c.record(id, { attempt: 3 })]);
        assert.deepEqual(await attempt(store, id), [3, "succeeded"]);
      },
    },
    {
      id: "comparison-holds-within-a-batch",
      invariants: ["I-59"],
      promise: "Several records of one id in one write are compared in the order given.",
      async run(c) {
        const store = await c.store();
        const id = c.id();
        const records = [
          c.record(id, { ...RUNNING, attempt: 1 }),
          c.record(id, { ...RUNNING, attempt: 2 }),
          c.record(id, { attempt: 2 }),
          c.record(id, { ...RUNNING, attempt: 3 }),
        ];
        await store.write(records);
        assert.deepEqual(await attempt(store, id), [2, "succeeded"]);
      },
    },
    {
      id: "racing-writers",
      invariants: ["I-59"],
      promise: "When several connections write the end of one task at once, one of them wins and it stays.",
      async run(c) {
        const stores = [await c.connect(), await c.connect(), await c.connect()];
        const ids = Array.from({ length: 30 }, () => c.id());
        await Promise.all(
          stores.flatMap((store, writer) => ids.map((id) => store.write([c.record(id, { value: String(writer) })]))),
        );
        const [first, second] = await Promise.all(stores.slice(0, 2).map((store) => store.read(ids)));
        const values = first?.map((record) => payloadText(record?.value ?? "?"));
        assert.deepEqual(
          second?.map((record) => payloadText(record?.value ?? "?")),
          values,
        );
        assert.ok(values?.every((value) => ["0", "1", "2"].includes(value)));
      },
    },
    {
      id: "expires",
      together: true,
      invariants: ["I-59"],
      promise: "A record is gone when its time has passed, not before, and its id begins anew.",
      async run(c) {
        const store = await c.store();
        const [short, long] = [c.id(), c.id()];
        const writtenAt = performance.now();
        await store.write([c.record(short, { ttlMs: 800, attempt: 5 }), c.record(long, { ttlMs: 3_600_000 })]);
        const seen = await store.read([short, long]);
        if (performance.now() - writtenAt < 800) assert.deepEqual([seen[0]?.id, seen[1]?.id], [short, long]);
        const latest = 800 + (c.harness.expiryResolutionMs ?? 1_000) + c.tolerance.slackMs;
        await c.until("it to be gone", async () => (await store.read([short]))[0] === undefined, latest);
        assert.ok(performance.now() - writtenAt >= 799, "not before its time");
        assert.equal((await store.read([long]))[0]?.id, long);
        await store.write([c.record(short, { attempt: 1, state: "failed" })]);
        assert.deepEqual(await attempt(store, short), [1, "failed"]);
      },
    },
    {
      id: "is-kept-by-default",
      together: true,
      invariants: ["I-59"],
      promise: "A record without a time of its own is kept well beyond the moment.",
      async run(c) {
        const store = await c.store();
        const id = c.id();
        await store.write([c.record(id)]);
        await c.elapse(1_200);
        assert.equal((await store.read([id]))[0]?.id, id);
      },
    },
    {
      id: "forgets",
      invariants: ["I-59"],
      promise: "A forgotten record is gone for all connections, and its id begins anew; unknown ids are no error.",
      async run(c) {
        const store = await c.store();
        const [gone, kept] = [c.id(), c.id()];
        await store.write([c.record(gone, { attempt: 4 }), c.record(kept)]);
        await store.forget([gone, c.id()]);
        const [first, second] = await (await c.connect()).read([gone, kept]);
        assert.deepEqual([first, second?.id], [undefined, kept]);
        await store.write([c.record(gone, { ...RUNNING })]);
        assert.deepEqual(await attempt(store, gone), [1, "running"]);
      },
    },
    {
      id: "close-is-final-and-idempotent",
      invariants: ["I-56"],
      promise:
        "Closing twice is as good as once, ends waits, and afterwards everything rejects with BrokerClosedError.",
      async run(c) {
        const store = await c.connect();
        const id = c.id();
        const waiting = states(store.wait(id)).catch(() => []);
        await Promise.all([store.close(), store.close()]);
        await before(c.tolerance.patienceMs, "the wait to end", waiting);
        await rejectsWith("BROKER_CLOSED", () => store.read([id]));
        await rejectsWith("BROKER_CLOSED", () => store.write([c.record(id)]));
        await rejectsWith("BROKER_CLOSED", () => store.forget([id]));
      },
    },
  ],
  FOR_ANYONE,
);
