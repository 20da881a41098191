/** What is decided without a server, for versions that this machine's server is not. */

import { describe, expect, it } from "vitest";
import { ackFacts, nanosecond } from "../src/consuming/nats-acks.ts";
import { patienceOf } from "../src/consuming/nats-pulls.ts";
import { Repeats } from "../src/consuming/nats-repeats.ts";
import { nextStep } from "../src/consuming/nats-settlements.ts";
import { Agenda } from "../src/delay/nats-agenda.ts";
import {
  atLeastVersion,
  featuresOf,
  OLDEST,
  OLDEST_ADVISED,
  parseVersion,
  type Version,
} from "../src/nats-versions.ts";
import { destination } from "../src/publishing/nats-destination.ts";
import {
  bandConsumer,
  checkConsumer,
  checkStream,
  deadStream,
  delayStream,
  differences,
  keepsSchedules,
  mayKeepSchedules,
  type NatsQueueSettings,
  readyStream,
  type StreamChoices,
  updated,
} from "../src/queues/nats-configs.ts";
import { dueOf, idOfToken, idToken, Layout } from "../src/queues/nats-layout.ts";
import { isAhead } from "../src/queues/nats-queues.ts";
import type { StreamConfig } from "../src/queues/nats-streams.ts";

const layout = new Layout("ns");
const choices: StreamChoices = { replicas: 1, dedupeWindowMs: 300_000, maxBytes: -1, placement: undefined };
const settings: NatsQueueSettings = {
  leaseMs: 10_000,
  maxDead: 100,
  deadRetentionMs: 60_000,
  bands: 1,
  paused: false,
  schedules: false,
  made: "2026-11-28T04:00:00Z",
};
const version = (text: string): Version => parseVersion(text) as Version;
const features = (text: string): ReturnType<typeof featuresOf> => featuresOf(version(text));

describe("versions", () => {
  it.each([
    ["2.9.10", { schedules: false, stepsBack: true, forgetsRemovals: true }],
    ["2.10.14", { schedules: false, stepsBack: true, forgetsRemovals: false }],
    ["2.10.15", { schedules: false, stepsBack: false, forgetsRemovals: false }],
    ["2.11.3", { schedules: false, stepsBack: false, forgetsRemovals: false }],
    ["2.12.0", { schedules: true, stepsBack: false, forgetsRemovals: false }],
    ["2.12.1-beta.2", { schedules: true, stepsBack: false, forgetsRemovals: false }],
    ["3.0.0", { schedules: true, stepsBack: false, forgetsRemovals: false }],
  ])("of %s are read for what it can do", (text, expected) => {
    expect(features(text)).toEqual(expected);
  });

  it("are compared by number, not as text", () => {
    expect(atLeastVersion(version("2.10.2"), OLDEST)).toBe(true);
    expect(atLeastVersion(version("2.8.9"), OLDEST)).toBe(false);
    expect(atLeastVersion(version("2.10.9"), OLDEST_ADVISED)).toBe(false);
    expect(atLeastVersion(version("2.11.0"), OLDEST_ADVISED)).toBe(true);
  });

  it("that are none are not guessed", () => {
    expect(parseVersion("nightly")).toBeUndefined();
  });
});

describe("streams and consumers", () => {
  it("ask for schedules only where the server has them", () => {
    const old = readyStream(layout, "a.b", 1, choices, features("2.11.0"));
    expect(old.subjects).toEqual(["ns.q.a=b.>"]);
    expect(old.allow_msg_schedules).toBeUndefined();
    const recent = readyStream(layout, "a.b", 1, choices, features("2.12.0"));
    expect(recent.subjects).toEqual(["ns.q.a=b.>", "ns.s.a=b.>"]);
    expect(recent).toMatchObject({
      allow_msg_schedules: true,
      discard: "old",
      max_bytes: -1,
      max_msgs: -1,
      max_age: 0,
    });
  });

  it("keep schedules only if the server returned that it does: an old one accepts what it does not know and leaves it out", () => {
    const asked = readyStream(layout, "q", 1, choices, features("2.12.0"));
    const { allow_msg_schedules: _, ...withoutIt } = asked;
    expect(keepsSchedules(asked, layout.schedulesAll("q"))).toBe(true);
    expect(keepsSchedules(withoutIt, layout.schedulesAll("q"))).toBe(false);
  });

  it("keep no schedules where a limit would then discard the oldest, and say so where it was set later", () => {
    const unlimited = readyStream(layout, "q", 1, choices, features("2.11.0"));
    const may = (limited: Partial<StreamConfig>, version = "2.12.0"): boolean =>
      mayKeepSchedules(features(version), choices, { ...unlimited, ...limited });
    expect([may({}), may({}, "2.11.0"), may({ max_bytes: 1e9 }), may({ max_age: 1e9 })]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(may({ allow_msg_schedules: true }, "2.11.0")).toBe(true);
    expect(mayKeepSchedules(features("2.11.0"), choices, undefined)).toBe(false);
    expect(mayKeepSchedules(features("2.12.0"), choices, undefined)).toBe(true);
    expect(mayKeepSchedules(features("2.12.0"), { ...choices, maxBytes: 1e9 }, undefined)).toBe(false);
    expect(() => may({ allow_msg_schedules: true, max_msgs: 5 })).toThrow(/has a limit \(max_msgs\).*remove the limit/);
  });

  it("announce what was stored only where priorities have several bands", () => {
    expect(readyStream(layout, "q", 1, choices, features("2.9.10")).republish).toBeUndefined();
    expect(readyStream(layout, "q", 3, choices, features("2.9.10")).republish?.headers_only).toBe(true);
  });

  it("are refused when the server returns what would lose messages", () => {
    const wanted = delayStream(layout, "q", choices);
    expect(() => checkStream(wanted, wanted)).not.toThrow();
    expect(() => checkStream(wanted, { ...wanted, discard: "old" })).toThrow(/discard is "old" instead of "new"/);
    const { republish: _, ...silent } = wanted;
    expect(() => checkStream(wanted, silent)).toThrow(/republish is absent/);
    const consumer = bandConsumer(layout, "q", 0, settings);
    expect(() => checkConsumer("s", consumer, { ...consumer, max_deliver: 5 })).toThrow(
      /max_deliver is 5 instead of -1/,
    );
    expect(() => checkConsumer("s", consumer, { ...consumer, max_ack_pending: 1_000 })).toThrow(/max_ack_pending/);
  });

  it("leave to an operator what is an operator's: copies, bytes, places", () => {
    const wanted = readyStream(layout, "q", 1, choices, features("2.9.10"));
    const edited = { ...wanted, num_replicas: 3, max_bytes: 1e9, duplicate_window: 1 };
    expect(differences(updated(edited, wanted), { ...wanted, num_replicas: 3, max_bytes: 1e9 })).toEqual([]);
    expect(() => checkStream(wanted, updated(edited, wanted))).not.toThrow();
  });

  it("do not fit when the consumer remembers what the stream has forgotten", () => {
    const state = {
      messages: 0,
      bytes: 0,
      first_seq: 1,
      first_ts: "2026-11-28T04:00:00Z",
      last_seq: 3,
      consumer_count: 1,
    };
    expect(isAhead({ delivered: { stream_seq: 18 } }, { state })).toBe(true);
    expect(isAhead({ delivered: { stream_seq: 3 } }, { state })).toBe(false);
  });

  it("bound dead letters by number and age, with a window that the server accepts", () => {
    const dead = deadStream(layout, "q", { ...settings, deadRetentionMs: 300 }, choices);
    expect(dead).toMatchObject({ discard: "old", max_msgs: 100, max_age: 300_000_000, duplicate_window: 300_000_000 });
  });
});

describe("a copy goes", () => {
  const known = { name: "q", settings, revision: 1 };
  const copy = { id: "i", priority: 5, copyId: "i" };

  it("to its band when it is ready or late", () => {
    for (const dueAt of [undefined, 0, 1_000]) {
      expect(destination(layout, known, { ...copy, dueAt }, 1_000)).toMatchObject({ subject: "ns.q.q.0", ready: true });
    }
    const three = { ...known, settings: { ...settings, bands: 3 } };
    expect(destination(layout, three, { ...copy, priority: 0 }, 0).subject).toBe("ns.q.q.2");
  });

  it("to the time bucket where the mover moves it", () => {
    const dueAt = 3_600_000 + 12_345.5;
    const { subject, lines } = destination(layout, known, { ...copy, dueAt }, 0);
    expect(subject).toBe("ns.d.q.1.1.3612346.i");
    expect(dueOf(subject)).toBe(3_612_346);
    expect(lines).toEqual({ "Nats-Msg-Id": "i" });
  });

  it("to a schedule where the server moves it, never early", () => {
    const scheduling = { ...known, settings: { ...settings, schedules: true } };
    const dueAt = Date.parse("2030-01-01T00:00:00.001Z") + 0.5;
    expect(destination(layout, scheduling, { ...copy, dueAt }, 0)).toEqual({
      subject: "ns.s.q.525960.0.1893456000002.i",
      lines: {
        "Nats-Msg-Id": "i",
        "Nats-Schedule": "@at 2030-01-01T00:00:00.002Z",
        "Nats-Schedule-Target": "ns.q.q.0",
      },
      ready: false,
    });
  });
});

describe("a settlement of a delivery", () => {
  const fresh = { leftMs: 5_000, leaseMs: 10_000, surrendered: false };
  const late = { ...fresh, leftMs: 400 };
  const over = { ...fresh, leftMs: 0 };

  it.each([
    ["ack", "+ACK", "+ACK", "lost"],
    ["renew", "+WPI", "lost", "lost"],
    ["release", "replace", "lost", "lost"],
    ["requeue", "replace", "lost", "lost"],
    ["deadLetter", "replace", "lost", "lost"],
    ["checkLease", "done", "done", "lost"],
    ["markStarted", "done", "done", "done"],
  ] as const)("%s is %s, near the end of its lease %s, after it %s", (kind, whenFresh, whenLate, whenOver) => {
    expect([fresh, late, over].map((standing) => nextStep(kind, standing))).toEqual([whenFresh, whenLate, whenOver]);
  });

  it("goes back at once when the broker closes, while it is ours", () => {
    expect(nextStep("release", { ...late, surrendered: true })).toBe("-NAK");
    expect(nextStep("release", { ...over, surrendered: true })).toBe("lost");
  });

  it("has a margin that is in proportion to a short lease", () => {
    expect(nextStep("renew", { leftMs: 400, leaseMs: 1_000, surrendered: false })).toBe("+WPI");
    expect(nextStep("renew", { leftMs: 90, leaseMs: 1_000, surrendered: false })).toBe("lost");
  });
});

describe("names", () => {
  it("become one token each, and ids are read back from theirs", () => {
    for (const id of ["019a-uuid", "a.b", "*", ">", "with space", "=", "größe", "x".repeat(100)]) {
      expect(idToken(id)).toMatch(/^[A-Za-z0-9_=-]+$/);
      expect(idOfToken(idToken(id))).toBe(id);
    }
    expect(layout.queueOfReadyStream(layout.readyStream("a.b-c_D"))).toBe("a.b-c_D");
  });

  it("of what may be due are the hours since the first was stored, and one more for clocks that are behind", () => {
    const hour = 3_600_000;
    expect(layout.delayedBefore("q", 10.5 * hour, 12.1 * hour)).toEqual([9, 10, 11, 12].map((at) => `ns.d.q.${at}.>`));
    expect(layout.schedulesBefore("q", 10.5 * hour, 10.6 * hour)).toEqual(["ns.s.q.9.>", "ns.s.q.10.>"]);
    // Rather everything at once than so many hours.
    expect(layout.delayedBefore("q", hour, 1_000 * hour)).toEqual(["ns.d.q.>"]);
  });

  it("of ack subjects are read in both of their forms", () => {
    const facts = {
      stream: "s",
      consumer: "c",
      deliveryCount: 3,
      seq: 17,
      consumerSeq: 40,
      storedAt: "1795838841114263200",
    };
    expect(ackFacts("$JS.ACK.s.c.3.17.40.1795838841114263200.5")).toEqual(facts);
    expect(ackFacts("$JS.ACK.domain.hash.s.c.3.17.40.1795838841114263200.5.rnd")).toEqual(facts);
    expect(ackFacts("$JS.ACK._.hash.s.c.3.17.40.1795838841114263200.5")).toEqual(facts);
  });

  it("of times, as JSON has them and as an ack's subject has them, are one", () => {
    expect(nanosecond("2026-11-28T04:07:21.1142632Z")).toBe("1795838841114263200");
    expect(nanosecond("2026-11-28T04:07:21Z")).toBe("1795838841000000000");
  });
});

describe("a pull", () => {
  it.each([1_000, 3_000, 10_000, 60_000, 3_600_000])(
    "is over before a lease of %i ms, with two heartbeats in it",
    (leaseMs) => {
      const { expiresMs, heartbeatMs } = patienceOf(leaseMs);
      expect(expiresMs).toBeLessThanOrEqual(Math.min(leaseMs, 30_000));
      expect(heartbeatMs * 2).toBeLessThan(expiresMs);
    },
  );
});

describe("a repetition", () => {
  const given = (seq: number, consumerSeq: number, deliveryCount = 1, consumer = "b0") =>
    ackFacts(`$JS.ACK.s.${consumer}.${deliveryCount}.${seq}.${consumerSeq}.0.0`);

  it("is what comes for the first time and is not beyond what was given out before", () => {
    const repeats = new Repeats();
    expect([given(7, 1), given(9, 2), given(9, 3), given(10, 4)].map((facts) => repeats.isOne(facts))).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  it("is known from a heartbeat too", () => {
    const repeats = new Repeats();
    repeats.given("b0", { seq: 12, consumerSeq: 5 });
    expect(repeats.isOne(given(12, 6))).toBe(true);
    expect(repeats.isOne(given(13, 7))).toBe(false);
  });

  it("is none of what is delivered again, of another band, or by a consumer that was made anew", () => {
    const repeats = new Repeats();
    repeats.given("b0", { seq: 12, consumerSeq: 5 });
    expect(repeats.isOne(given(8, 6, 2))).toBe(false);
    expect(repeats.isOne(given(8, 7, 1, "b1"))).toBe(false);
    expect(repeats.isOne(given(3, 1))).toBe(false);
    expect(repeats.isOne(given(4, 2))).toBe(false);
  });
});

describe("the agenda", () => {
  it("gives nothing early and everything within a tick, in order, once", () => {
    const agenda = new Agenda();
    const due = (subject: string): { queue: string; subject: string } => ({ queue: "q", subject });
    agenda.add(due("late"), 1_000);
    agenda.add(due("soon"), 101);
    agenda.add(due("soon"), 101);
    expect(agenda.next).toBe(150);
    expect(agenda.take(149)).toEqual([]);
    expect(agenda.take(150)).toEqual([due("soon")]);
    agenda.add(due("sooner"), 500);
    expect(agenda.take(5_000)).toEqual([due("sooner"), due("late")]);
    expect(agenda.next).toBeUndefined();
  });
});
