import { describe, expect, it } from "vitest";
import { check } from "../src/check.ts";
import type { Promised } from "../src/findings.ts";
import { historyOf } from "../src/history.ts";
import type { RunFacts } from "../src/ledger.ts";
import { answerOf } from "../src/plan.ts";
import { storyOf } from "../src/report.ts";
import { CHILD, GRACE_MS, Handmade, LEASE_MS, W0, W1 } from "./handmade.ts";

function broken(ledger: Handmade): Promised[] {
  return check(historyOf(ledger.entries)).violations.map(({ promise }) => promise);
}

function again(ledger: Handmade): Readonly<Record<string, number>> {
  const { violations, again } = check(historyOf(ledger.entries));
  expect(violations).toEqual([]);
  return again;
}

describe("nothing is lost", () => {
  it("is kept when all that was accepted has finished", () => {
    expect(broken(new Handmade().publish("a", 10).ran("a", 20))).toEqual([]);
  });

  it("is broken by an accepted task that never ran", () => {
    expect(broken(new Handmade().publish("a", 10))).toEqual(["lost"]);
  });

  it("is broken by one that failed its first attempt and was never tried again", () => {
    expect(broken(new Handmade().publish("a", 10, "flaky").ran("a", 20, { how: "threw" }))).toEqual(["lost"]);
  });

  it("is broken by one that a killed worker began, and nobody else", () => {
    const ledger = new Handmade().publish("a", 10).ran("a", 20, { forMs: "never" }).struck("kill", 25, 26, W0);
    expect(broken(ledger)).toEqual(["lost"]);
  });

  it("is broken by a duplicate of nothing", () => {
    expect(broken(new Handmade().publish("a", 10, "short", "duplicate"))).toEqual(["lost"]);
  });

  it("does not count what was refused, or what nobody knows of", () => {
    expect(broken(new Handmade().publish("a", 10, "short", "refused").publish("b", 10, "short", "unknown"))).toEqual(
      [],
    );
    expect(broken(new Handmade().publish("a", 10, "short", "unanswered"))).toEqual([]);
  });

  it("tells what is still in the queue from what is lost", () => {
    const depth = { e: "depth", at: 99, queue: "io", ready: 1, delayed: 0, owned: 0, dead: 0 } as const;
    expect(broken(new Handmade().publish("a", 10).add(depth))).toEqual(["undrained"]);
    expect(broken(new Handmade().publish("a", 10).publish("b", 10).add(depth))).toEqual(["undrained", "lost", "lost"]);
  });

  it("takes a second copy of what has finished for a run that nobody had got to: it needs a reason", () => {
    const depth = { e: "depth", at: 99, queue: "io", ready: 1, dead: 0 } as const;
    const left = { e: "left", at: 99, id: "a", queue: "io", attempt: 1, deliveries: 1 } as const;
    const ledger = () => new Handmade().publish("a", 10, "short", "unknown").ran("a", 20).add(depth, left);
    expect(broken(ledger())).toEqual(["twice"]);
    expect(again(ledger().publish("a", 15))).toEqual({ republished: 1 });
    expect(broken(new Handmade().publish("a", 10).add(depth, left))).toEqual(["undrained"]);
  });

  it("counts the dead where they cannot be listed", () => {
    const depth = { e: "depth", at: 99, queue: "cpu", dead: 1 } as const;
    const ledger = () => new Handmade({ browsesDead: false }).publish("a", 10, "poison");
    expect(broken(ledger().add(depth))).toEqual([]);
    expect(broken(ledger())).toEqual(["lost"]);
    expect(broken(ledger().add({ ...depth, dead: 2 }))).toEqual(["buried"]);
  });
});

describe("nothing runs twice without a reason", () => {
  it("is broken by a second run on healthy workers", () => {
    expect(broken(new Handmade().publish("a", 10).ran("a", 20).ran("a", 4_000, { worker: W1 }))).toEqual(["twice"]);
  });

  it("is kept by the second attempt of a task that failed, once", () => {
    const ledger = new Handmade().publish("a", 10, "flaky").ran("a", 20, { how: "threw" });
    ledger.ran("a", 200, { attempt: 2 });
    expect(again(ledger)).toEqual({ retry: 1 });
    expect(broken(ledger.ran("a", 400, { attempt: 2 }))).toEqual(["twice"]);
  });

  it("is kept when the worker was killed in the middle, and the lease had ended", () => {
    const ledger = () => new Handmade().publish("a", 10).ran("a", 20, { forMs: "never" }).struck("kill", 25, 26, W0);
    expect(again(ledger().ran("a", 25 + LEASE_MS, { worker: W1, deliveries: 2 }))).toEqual({ kill: 1 });
    expect(broken(ledger().ran("a", 500, { worker: W1, deliveries: 2 })), "before the lease").toEqual(["twice"]);
  });

  it("is kept when the worker was killed before it could settle, but not a second after the end", () => {
    const killedAt = (at: number) =>
      new Handmade()
        .publish("a", 10)
        .ran("a", 20)
        .struck("kill", at, at + 1, W0)
        .ran("a", at + LEASE_MS, { worker: W1 });
    expect(again(killedAt(100))).toEqual({ kill: 1 });
    expect(broken(killedAt(1_200))).toEqual(["twice"]);
  });

  it("allows the settlement to wait for a broker that is struck", () => {
    const ledger = new Handmade()
      .publish("a", 10)
      .ran("a", 20)
      .struck("lock", 25, 2_500)
      .struck("kill", 2_000, 2_001, W0);
    expect(again(ledger.ran("a", 2_000 + LEASE_MS, { worker: W1 }))).toEqual({ kill: 1 });
  });

  it("is broken by a fault that struck another worker", () => {
    const ledger = new Handmade().publish("a", 10).ran("a", 20).struck("kill", 25, 26, W1);
    expect(broken(ledger.ran("a", 4_000))).toEqual(["twice"]);
  });

  it("is kept by a stop that outlasts the lease, and broken by one that does not", () => {
    const stopped = (forMs: number) =>
      new Handmade()
        .publish("a", 10)
        .ran("a", 20, { forMs: 5_000 })
        .struck("stop", 25, 25 + forMs, W0)
        .ran("a", 25 + LEASE_MS, { worker: W1, deliveries: 2 });
    expect(again(stopped(4_000))).toEqual({ stop: 1 });
    expect(broken(stopped(1_000))).toEqual(["twice"]);
  });

  it("is broken by an orderly end, unless the run outlasts the grace", () => {
    const ledger = new Handmade().publish("a", 10).ran("a", 20, { forMs: 300 }).struck("term", 25, 900, W0);
    ledger.ended(0, W0, 900, 0);
    expect(broken(ledger.ran("a", 1_000, { worker: W1 }))).toEqual(["twice"]);
    const long = new Handmade().publish("a", 10).ran("a", 20, { forMs: "never" }).struck("term", 25, 6_000, W0);
    expect(again(long.ran("a", 25 + GRACE_MS, { worker: W1 }))).toEqual({ term: 1 });
  });

  it("is kept by poison, which ends its own process, as often as it may", () => {
    const ledger = new Handmade().publish("a", 10, "poison");
    for (const at of [20, 40, 60]) ledger.ran("a", at, { pid: CHILD, forMs: "never" });
    expect(again(ledger.dead("a", 70))).toEqual({ crash: 2 });
    for (const at of [80, 90, 95]) ledger.ran("a", at, { pid: CHILD, forMs: "never" });
    expect(broken(ledger)).toEqual(["twice"]);
    expect(again(ledger.publish("a", 15, "poison")), "it was two messages").toEqual({ crash: 4, republished: 1 });
  });

  it("is kept by a message handed to a worker just before it was stopped", () => {
    const ledger = new Handmade().publish("a", 10).struck("stop", 20, 5_000, W0);
    ledger.ran("a", 3_100, { worker: W1, deliveries: 2 }).ran("a", 5_001, { deliveries: 1 });
    expect(again(ledger)).toEqual({ stale: 1 });
    expect(broken(ledger.ran("a", 5_900, { deliveries: 1 }))).toEqual(["twice"]);
  });

  it("is kept by the second attempts of two copies that failed, whatever strikes whoever did the first of them", () => {
    const ledger = new Handmade().publish("a", 10, "flaky", "unknown").publish("a", 15, "flaky");
    ledger.ran("a", 20, { how: "threw" }).ran("a", 40, { how: "threw" });
    ledger.ran("a", 200, { worker: W1, attempt: 2 }).struck("stop", 230, 4_000, W1);
    ledger.ran("a", 4_010, { worker: W1, attempt: 2 });
    expect(again(ledger)).toEqual({ republished: 1, retry: 2 });
    expect(broken(ledger)).toEqual([]);
  });

  it("is kept by a holder that stopped while two outages at once kept its ack waiting", () => {
    const ledger = new Handmade({ excusing: ["lock", "still"] }).publish("a", 10).ran("a", 20, { forMs: 100 });
    ledger.struck("lock", 100, 4_200).struck("still", 100, 4_100).struck("stop", 2_500, 7_800, W0);
    expect(again(ledger.ran("a", 4_700, { worker: W1, deliveries: 2 }))).toEqual({ stop: 1 });
  });

  it("is kept by such a message also when it has failed elsewhere, and was tried again, meanwhile", () => {
    const ledger = new Handmade().publish("a", 10, "flaky").struck("stop", 20, 5_000, W0);
    ledger.ran("a", 3_100, { worker: W1, deliveries: 2, how: "threw" });
    ledger.ran("a", 3_300, { worker: W1, attempt: 2 }).ran("a", 5_001, { deliveries: 1, how: "threw" });
    expect(again(ledger)).toEqual({ retry: 1, stale: 1 });
  });

  it("gives a server whose connections tell of the dead the time to miss one that stopped", () => {
    const ledger = (kind: string) =>
      new Handmade({ ownership: "connection", silenceMs: 6_000 })
        .publish("a", 10)
        .ran("a", 20, { forMs: "never" })
        .struck(kind, 30, 20_000, W0)
        .ran("a", 6_500, { worker: W1, deliveries: 2 });
    expect(again(ledger("stop"))).toEqual({ stop: 1 });
    expect(broken(ledger("kill"))).toContain("late");
  });

  it("is kept by a message that a worker had handed on when its connection was cut", () => {
    const ledger = (deliveries: number, countsDeliveries = true) =>
      new Handmade({ excusing: ["reset"], countsDeliveries })
        .publish("a", 10)
        .struck("reset", 60, 61)
        .ran("a", 120, { deliveries: 1 })
        .ran("a", 150, { worker: W1, deliveries });
    expect(again(ledger(2))).toEqual({ reset: 1 });
    expect(broken(ledger(1))).toEqual(["twice"]);
    expect(again(ledger(1, false)), "where nobody counts").toEqual({ reset: 1 });
  });

  it("is kept by a delayed message that was struck on its way, where that is a copy", () => {
    const ledger = (requeue: RunFacts["requeue"], from: number) =>
      new Handmade({ requeue })
        .publish("a", 10, "delayed", "accepted", 2_000)
        .struck("restart", from, from + 900)
        .ran("a", 2_000)
        .ran("a", 2_100, { worker: W1 });
    expect(again(ledger("copy then ack", 1_000))).toEqual({ copied: 1 });
    expect(broken(ledger("atomic", 1_000))).toEqual(["twice"]);
    expect(broken(ledger("copy then ack", 4_000))).toEqual(["twice"]);
  });

  it("is kept by publishing again what nobody knew of, once per publish", () => {
    const ledger = new Handmade().publish("a", 10, "short", "unanswered").ran("a", 20).publish("a", 500).ran("a", 510);
    expect(again(ledger)).toEqual({ republished: 1 });
    expect(broken(ledger.ran("a", 520))).toEqual(["twice"]);
    const seen = new Handmade().publish("a", 10, "short", "unanswered").publish("a", 15, "short", "duplicate");
    expect(broken(seen.ran("a", 20).ran("a", 510)), "the broker said it was one").toEqual(["twice"]);
  });

  it("is broken by a struck broker, unless its rig says that such a fault may do that", () => {
    const ledger = (excusing: string[]) =>
      new Handmade({ excusing })
        .publish("a", 10)
        .ran("a", 20, { forMs: 5_000 })
        .struck("reset", 25, 4_000)
        .ran("a", 4_100, { worker: W1 });
    expect(broken(ledger([]))).toEqual(["twice"]);
    expect(again(ledger(["reset"]))).toEqual({ reset: 1 });
  });

  it("is put down to the outage that struck a run, not to a stop that was over when it began", () => {
    const ledger = new Handmade({ excusing: ["halfOpen"] })
      .publish("a", 5_400)
      .struck("stop", 20, 5_390, W0)
      .ran("a", 5_410, { forMs: 300 })
      .struck("halfOpen", 5_600, 9_000)
      .ran("a", 11_000, { worker: W1, deliveries: 2 });
    expect(again(ledger)).toEqual({ halfOpen: 1 });
  });

  it("expects a redelivery at once where the connection owns the message", () => {
    const ledger = new Handmade({ ownership: "connection" }).publish("a", 10).ran("a", 20, { forMs: "never" });
    expect(again(ledger.struck("kill", 25, 26, W0).ran("a", 40, { worker: W1 }))).toEqual({ kill: 1 });
  });
});

describe("where a requeue is a copy and then an ack", () => {
  const requeue = "copy then ack";
  const retried = (facts: Partial<RunFacts>) =>
    paper(facts).ran("a", 20, { how: "threw" }).ran("a", 160, { attempt: 2, worker: W1 });
  const paper = (facts: Partial<RunFacts> = { requeue }) => new Handmade(facts).publish("a", 10, "flaky");

  it("the original of a retry may come again when its holder was killed before the ack, once", () => {
    const ledger = retried({ requeue }).struck("kill", 35, 36, W0);
    expect(again(ledger.ran("a", 3_040, { worker: W1, deliveries: 2 }))).toEqual({ retry: 1, copied: 1 });
    expect(broken(ledger.ran("a", 6_100, { worker: W1, deliveries: 3 }))).toEqual(["twice"]);
  });

  it("or when the broker was struck then", () => {
    const ledger = retried({ requeue }).struck("restart", 35, 900);
    expect(again(ledger.ran("a", 3_040, { worker: W1, deliveries: 2 }))).toEqual({ retry: 1, copied: 1 });
  });

  it("a retry that waited may come twice when whoever moves what is due was killed, also if it was another worker", () => {
    const ledger = (killed: number) => retried({ requeue }).struck("kill", 158, 159, killed);
    expect(again(ledger(W0).ran("a", 5_000, { attempt: 2, worker: W1 }))).toEqual({ retry: 1, copied: 1 });
    const other = ledger(W1).ran("a", 1_000, { attempt: 2 });
    expect(broken(other.ran("a", 1_500, { attempt: 2 })), "twice over").toEqual(["twice"]);
  });

  it("nothing is excused without a fault, or by one that came before or much later", () => {
    const original = { worker: W1, deliveries: 2 } as const;
    expect(broken(retried({ requeue }).ran("a", 3_040, original))).toEqual(["twice"]);
    expect(broken(retried({ requeue }).struck("restart", 12, 18).ran("a", 3_040, original))).toEqual(["twice"]);
    expect(broken(retried({ requeue }).struck("kill", 1_300, 1_301, W0).ran("a", 3_040, original))).toEqual(["twice"]);
    const copy = { worker: W1, attempt: 2 } as const;
    expect(broken(retried({ requeue }).struck("kill", 1_300, 1_301, W0).ran("a", 4_400, copy))).toEqual(["twice"]);
  });

  it("the original is not excused by a fault of a worker that never held it, or an orderly end", () => {
    const original = { worker: W0, deliveries: 2 } as const;
    expect(broken(retried({ requeue }).struck("kill", 35, 36, W1).ran("a", 3_040, original))).toEqual(["twice"]);
    const ended = retried({ requeue }).struck("term", 35, 200, W0).ended(0, W0, 200, 0);
    expect(broken(ended.ran("a", 3_040, { worker: W1, deliveries: 2 }))).toEqual(["twice"]);
  });

  it("what was neither retried nor released is not excused", () => {
    const ledger = paper().struck("restart", 15, 900).ran("a", 20);
    expect(broken(ledger.ran("a", 3_040, { worker: W1, deliveries: 2 }))).toEqual(["twice"]);
  });

  it("what a worker that ends gives back may be there twice when the broker is struck meanwhile", () => {
    const released = (facts: Partial<RunFacts>, strike: boolean) => {
      const ledger = new Handmade(facts).publish("a", 10).ran("a", 20, { forMs: "never" });
      ledger.struck("term", 25, 5_000, W0).ended(0, W0, 5_000, 75);
      if (strike) ledger.struck("restart", 4_500, 4_600);
      return ledger.ran("a", 5_010, { worker: W1, deliveries: 2 }).ran("a", 7_900, { worker: W1, deliveries: 2 });
    };
    expect(again(released({ requeue }, true))).toEqual({ term: 1, copied: 1 });
    expect(broken(released({ requeue }, false))).toEqual(["twice"]);
    expect(broken(released({}, true))).toEqual(["twice"]);
  });

  it("so may what it gave back before it began", () => {
    const released = (deliveries: number, outage: readonly [number, number] = [40, 300]) =>
      new Handmade({ requeue })
        .publish("a", 10)
        .struck("term", 25, 90, W0)
        .struck("restart", ...outage)
        .ended(0, W0, 90, 75)
        .ran("a", 320, { worker: W1, deliveries })
        .ran("a", 3_300, { worker: W1, deliveries });
    expect(again(released(2))).toEqual({ copied: 1 });
    expect(broken(released(1)), "nobody had it before").toEqual(["twice"]);
    expect(broken(released(2, [1_200, 1_300])), "long after").toEqual(["twice"]);
  });

  it("nothing of this is excused where a requeue is atomic", () => {
    const ledger = retried({ requeue: "atomic" }).struck("kill", 35, 36, W0);
    expect(broken(ledger.ran("a", 3_040, { worker: W1, deliveries: 2 }))).toEqual(["twice"]);
    const moved = retried({ requeue: "atomic" }).struck("kill", 158, 159, W0);
    expect(broken(moved.ran("a", 5_000, { attempt: 2, worker: W1 }))).toEqual(["twice"]);
  });
});

describe("nothing is early", () => {
  it("is broken by a single millisecond", () => {
    const due = (at: number) => new Handmade().publish("a", 10, "delayed", "accepted", 1_000).ran("a", at);
    expect(broken(due(1_000))).toEqual([]);
    expect(broken(due(999))).toEqual(["early"]);
  });

  it("is broken by an attempt before its delay has passed", () => {
    const retried = (at: number) =>
      new Handmade().publish("a", 10, "flaky").ran("a", 20, { how: "threw", forMs: 10 }).ran("a", at, { attempt: 2 });
    expect(broken(retried(130))).toEqual([]);
    expect(broken(retried(129))).toEqual(["early"]);
  });
});

describe("nothing is late", () => {
  const killed = () => new Handmade().publish("a", 10).ran("a", 20, { forMs: "never" }).struck("kill", 25, 26, W0);

  it("is broken by a redelivery later than lease, a second and tolerance after the fault", () => {
    expect(broken(killed().ran("a", 25 + LEASE_MS + 1_200, { worker: W1 }))).toEqual([]);
    expect(broken(killed().ran("a", 25 + LEASE_MS + 1_300, { worker: W1 }))).toEqual(["late"]);
  });

  it("counts only time in which somebody could have taken over", () => {
    const nobody = killed().struck("stop", 1_000, 9_000, W1);
    expect(broken(nobody.ran("a", 9_900, { worker: W1 }))).toEqual([]);
    const locked = killed().struck("lock", 2_000, 8_000);
    expect(broken(locked.ran("a", 9_000, { worker: W1 }))).toEqual([]);
    expect(broken(killed().struck("lock", 2_000, 8_000).ran("a", 9_500, { worker: W1 }))).toEqual(["late"]);
  });

  it("grants a lease more for each hand-over to a worker that stood still when it can have been made, and no more", () => {
    const passed = (stopsAt: number, runsAt: number, deliveries: number) => {
      const ledger = killed().worker(2, 300, 1).struck("stop", stopsAt, 20_000, 300);
      return broken(ledger.ran("a", runsAt, { worker: W1, deliveries }));
    };
    expect(passed(2_000, 25 + 2 * LEASE_MS + 1_200, 3)).toEqual([]);
    expect(passed(2_000, 25 + 2 * LEASE_MS + 1_300, 3)).toEqual(["late"]);
    expect(passed(2_000, 25 + 2 * LEASE_MS + 1_200, 2), "it was handed to nobody in between").toEqual(["late"]);
    expect(passed(25 + LEASE_MS + 1_200, 25 + 2 * LEASE_MS + 1_200, 3), "nobody stood still").toEqual(["late"]);
  });

  it("does not count a standstill, where a stopped process may hold what all others need", () => {
    const stopped = (stopsAll: boolean) =>
      new Handmade({ stopsAll })
        .worker(2, 300, 1)
        .publish("a", 10)
        .ran("a", 20, { worker: 300, forMs: "never" })
        .struck("kill", 25, 26, 300)
        .struck("stop", 1_000, 9_000, W0)
        .ran("a", 9_900, { worker: W1 });
    expect(broken(stopped(true))).toEqual([]);
    expect(broken(stopped(false))).toEqual(["late"]);
    const busy = stopped(true);
    for (let at = 1_000; at < 9_000; at += 250) busy.publish(`b${at}`, at - 1).ran(`b${at}`, at, { worker: W1 });
    expect(broken(busy), "others went on").toEqual(["late"]);
  });

  it("is broken by a delayed task that nobody remembers for seconds", () => {
    const due = (at: number) => new Handmade().publish("a", 10, "delayed", "accepted", 1_000).ran("a", at);
    expect(broken(due(4_000))).toEqual([]);
    expect(broken(due(1_000 + LEASE_MS + 6_500))).toEqual(["late"]);
  });
});

describe("nothing else is wrong", () => {
  it("is broken by a run of what was refused, or never published", () => {
    expect(broken(new Handmade().publish("a", 10, "short", "refused").ran("a", 20))).toEqual(["phantom"]);
    expect(broken(new Handmade().ran("a", 20))).toEqual(["phantom"]);
  });

  it("is broken by an innocent task in the dead letters", () => {
    expect(broken(new Handmade().publish("a", 10).dead("a", 20))).toEqual(["buried"]);
    expect(broken(new Handmade().publish("a", 10).ran("a", 20).dead("a", 50, "failed"))).toEqual(["buried"]);
  });

  it("is broken by poison that is set aside too soon", () => {
    const ledger = new Handmade().publish("a", 10, "poison").ran("a", 20, { pid: CHILD, forMs: "never" });
    expect(broken(ledger.dead("a", 70))).toEqual(["buried"]);
  });

  it("is broken by a run that ends in nothing on a healthy worker", () => {
    const ledger = new Handmade().publish("a", 10).ran("a", 20, { forMs: "never" });
    expect(broken(ledger)).toEqual(["vanished", "lost"]);
  });

  it("is broken by a result that is missing, unfinished or another task's", () => {
    const ledger = () => new Handmade().publish("a", 10, "answer").ran("a", 20);
    const result = { e: "result", at: 99, id: "a" } as const;
    expect(broken(ledger().add({ ...result, state: "succeeded", value: answerOf(0) }))).toEqual([]);
    expect(broken(ledger())).toEqual(["result"]);
    expect(broken(ledger().add({ ...result, state: "retrying" }))).toEqual(["result"]);
    expect(broken(ledger().add({ ...result, state: "succeeded", value: answerOf(1) }))).toEqual(["result"]);
    expect(broken(new Handmade({ results: false }).publish("a", 10, "answer").ran("a", 20))).toEqual([]);
  });

  it("is broken by a worker that ends by itself, hangs, or leaves with an error", () => {
    expect(broken(new Handmade().ended(0, W0, 50, 70))).toEqual(["worker"]);
    expect(broken(new Handmade().ended(0, W0, 50, null, "SIGSEGV"))).toEqual(["worker"]);
    expect(broken(new Handmade().struck("term", 40, 50, W0).ended(0, W0, 50, 70))).toEqual(["worker"]);
    expect(broken(new Handmade().add({ e: "worker", at: 50, slot: 0, pid: W0, what: "hung" }))).toEqual(["worker"]);
    expect(broken(new Handmade().struck("term", 40, 50, W0).ended(0, W0, 50, 0))).toEqual([]);
    expect(broken(new Handmade().struck("term", 40, 50, W0).ended(0, W0, 50, 75))).toEqual([]);
    expect(broken(new Handmade().struck("kill", 40, 50, W0).ended(0, W0, 50, null, "SIGKILL"))).toEqual([]);
    expect(broken(new Handmade().add({ e: "stopping", at: 40 }).ended(0, W0, 50, 0))).toEqual([]);
  });

  it("is broken by what the runner noticed, and by a ledger that contradicts itself", () => {
    expect(broken(new Handmade().add({ e: "trouble", at: 5, what: "a process was left" }))).toEqual(["trouble"]);
    expect(broken(new Handmade().add({ e: "end", at: 5, id: "a", run: "9.9.9", how: "returned" }))).toEqual([
      "trouble",
    ]);
    expect(broken(new Handmade().dead("nobody", 5))).toEqual(["trouble"]);
  });

  it("is broken by more lines cut off than processes were killed", () => {
    const { entries } = new Handmade().struck("kill", 40, 50, W0).ended(0, W0, 50, null, "SIGKILL");
    expect(check(historyOf(entries, ['{"e":"sta'])).violations).toEqual([]);
    expect(check(historyOf(entries, ['{"e":"sta', '{"e":'])).violations).toMatchObject([{ promise: "trouble" }]);
    expect(() => historyOf(entries.slice(1))).toThrow(/facts of its run/);
  });
});

it("tells the story of a task with the faults around it", () => {
  const ledger = new Handmade().publish("a", 10).ran("a", 20, { forMs: "never" }).struck("kill", 25, 26, W0);
  const story = storyOf("a", historyOf(ledger.ran("a", 3_030, { worker: W1, deliveries: 2 }).entries));
  expect(story.map((line) => line.trim())).toEqual([
    "0 ms  published",
    "1 ms  accepted",
    "10 ms  run 100.0.1 begins on worker 0 (pid 100), attempt 1, delivery 1",
    "15 ms  kill strikes worker 0 (pid 100) for 1 ms",
    "3020 ms  run 200.0.2 begins on worker 1 (pid 200), attempt 1, delivery 2",
    "3030 ms  run 200.0.2 returned",
  ]);
});
