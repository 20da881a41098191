import { describe, expect, test } from "vitest";
import { type JournalRecord, JournalState } from "../src/queues/rabbitmq-journal-state.ts";

const settings = { leaseMs: 10_000, maxDead: 10, deadRetentionMs: 1_000 };
const NOW = 1_000_000;

/** Records one after the other, as the stream would give them; those that are numbers skip offsets. */
function read(...records: readonly (JournalRecord | string)[]): JournalState {
  const state = new JournalState();
  for (const [offset, record] of records.entries()) {
    const text = typeof record === "string" ? record : JSON.stringify({ ...record, at: NOW });
    state.apply(offset, Buffer.from(text));
  }
  return state;
}

const queue = (name: string): JournalRecord => ({ is: "queue", name, settings });

describe("what the journal's records come to", () => {
  test("queues are there from their declaration to their end, sorted", () => {
    const state = read(queue("b"), queue("a"), queue("c"), { is: "gone", name: "c" });
    expect(state.queueNames()).toEqual(["a", "b"]);
    expect(state.queue("c")).toBeUndefined();
  });

  test("declaring again changes the settings and nothing else", () => {
    const changed = { ...settings, maxDead: 3 };
    const state = read(
      queue("a"),
      { is: "pause", name: "a", paused: true },
      { is: "queue", name: "a", settings: changed },
    );
    expect(state.queue("a")).toEqual({ settings: changed, paused: true, voidBefore: 0 });
  });

  test("a queue made again does not take over the delayed messages, or the pause, of the old one", () => {
    const state = read(queue("a"), { is: "pause", name: "a", paused: true }, { is: "gone", name: "a" }, queue("a"));
    expect(state.queue("a")).toEqual({ settings, paused: false, voidBefore: 3 });
  });

  test("purging the delayed ones makes void what was sent before", () => {
    expect(read(queue("a"), queue("b"), { is: "void", name: "a" }).queue("a")?.voidBefore).toBe(2);
  });

  test("revocations hold until their end, or until they are pardoned", () => {
    const state = read({ is: "revoked", ids: ["x", "y"], until: Date.now() + 60_000 }, { is: "pardoned", ids: ["y"] });
    expect([state.isRevoked("x", Date.now()), state.isRevoked("y", Date.now())]).toEqual([true, false]);
    expect(state.isRevoked("x", Date.now() + 60_001)).toBe(false);
  });

  test("a summary says the same as the records, also to who has read part of them, and older news does not undo newer", () => {
    const records = [
      queue("a"),
      queue("b"),
      { is: "pause", name: "a", paused: true },
      { is: "revoked", ids: ["x", "y", "z"], until: Date.now() + 60_000 },
      { is: "gone", name: "b" },
    ] as const;
    const all = read(...records);
    const summary = all.summary(Date.now(), 2);
    const fresh = new JournalState();
    for (const [index, record] of summary.entries())
      fresh.apply(100 + index, Buffer.from(JSON.stringify({ ...record, at: NOW })));
    expect(fresh.queueNames()).toEqual(["a"]);
    expect(fresh.queue("a")).toEqual(all.queue("a"));
    expect(["x", "y", "z"].every((id) => fresh.isRevoked(id, Date.now()))).toBe(true);

    // Somebody destroyed the queue while it was being summed up.
    const [state] = summary as [JournalRecord];
    const late = read(...records, { is: "gone", name: "a" }, state);
    expect(late.queueNames()).toEqual([]);
  });

  test("what is no record, and what is read twice, changes nothing", () => {
    const state = read(queue("a"), "not JSON", '{"is":"of a newer version","at":1}');
    state.apply(0, Buffer.from(JSON.stringify({ is: "gone", name: "a", at: NOW })));
    expect(state.queueNames()).toEqual(["a"]);
    expect(state.position).toBe(2);
  });
});
