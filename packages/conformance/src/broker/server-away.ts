import assert from "node:assert/strict";
import type { Delivery, Settlement } from "@lovage/core/contracts";
import { before } from "../run-scenarios.ts";
import { inGroup } from "../scenario.ts";
import { rejectsWith } from "./codes.ts";
import type { BrokerScenario } from "./context.ts";
import { Growth } from "./growth.ts";
import { ack } from "./inbox.ts";
import { OPERATION_TIMEOUT_MS, operationDeadline, outage, recovery } from "./outage.ts";

const CLOSE_MS = 5_000;
/** Waits that double from some milliseconds on have passed two seconds by then. */
const LONG_OUTAGE_MS = 5_000;

const KINDS: readonly (readonly [string, (delivery: Delivery) => Promise<Settlement>])[] = [
  ["ack", (delivery) => delivery.ack()],
  ["requeue", (delivery) => delivery.requeue()],
  ["release", (delivery) => delivery.release()],
  ["dead-letter", (delivery) => delivery.deadLetter({ code: "failed" })],
];

export const serverAway: readonly BrokerScenario[] = inGroup("server-away", [
  {
    id: "start-waits-for-it",
    invariants: ["I-49"],
    promise: "A broker that is started before its server is up keeps trying, and is connected soon after it is there.",
    needs: ["refuse"],
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue();
      const end = await outage(c, "refuse");
      const early = await c.create({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      let state = "trying";
      const connecting = early.connect().then(
        () => {
          state = "connected";
        },
        (error: unknown) => {
          state = `given up: ${String(error)}`;
        },
      );
      await c.elapse(2_000);
      assert.equal(state, "trying");
      await end();
      await before(c.tolerance.patienceMs, "connect to resolve", connecting);
      assert.equal(state, "connected");
      await c.publish([c.message(queue)], early);
      await (await c.consume(queue, { broker: early })).next();
    },
  },
  {
    id: "start-can-be-called-off",
    invariants: ["I-49", "I-56"],
    promise:
      "While the server is not there, aborting the signal ends connect at once, and closing does; nothing goes on trying.",
    needs: ["refuse"],
    async run(c) {
      await c.broker();
      const end = await outage(c, "refuse");
      const growth = new Growth(c);
      await growth.mark();
      const called = new AbortController();
      const first = await c.create();
      const off = assert.rejects(first.connect({ signal: called.signal }));
      await c.elapse(300);
      called.abort(new Error("not any more"));
      await before(1_000 + c.tolerance.slackMs, "connect to reject", off);
      await first.close();
      const second = await c.create();
      const closed = rejectsWith("BROKER_CLOSED", () => second.connect());
      await c.elapse(300);
      await before(CLOSE_MS + c.tolerance.slackMs, "close", second.close());
      await before(1_000 + c.tolerance.slackMs, "connect to reject", closed);
      await growth.none(0);
      await end();
    },
  },
  {
    id: "settlements-are-kept",
    invariants: ["I-20", "I-17", "I-18"],
    promise:
      "Settlements of every kind asked while disconnected resolve after the reconnect as done or lost (at once as lost, where the connection owned them), and take the effect they say.",
    needs: ["refuse"],
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue({ leaseMs: 30_000 });
      const consumer = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      await c.publish(c.messages(queue, 8));
      const inbox = await c.consume(queue, { broker: consumer, credit: 8 });
      const held = await inbox.take(8);
      inbox.consumption.setCredit(0);
      const end = await outage(c, "refuse");
      const answers = held.map((delivery, index) => KINDS[index % KINDS.length]?.[1](delivery) ?? Promise.reject());
      const early = await Promise.race([Promise.all(answers), c.elapse(300)]);
      // Where ownership is the connection's, its end is known to be that of the deliveries.
      const known = c.capabilities.ownership === "connection" ? held.map(() => "lost") : undefined;
      assert.deepEqual(early ?? known, known, "nothing else can be known yet");
      await end();
      const said = await before(operationDeadline(c) + 5_000, "the settlements to be answered", Promise.all(answers));
      for (const answer of said) assert.match(answer, /^(done|lost)$/);
      const by = (kind: string): number =>
        said.filter((answer, index) => answer === "done" && KINDS[index % KINDS.length]?.[0] === kind).length;
      const lost = said.filter((answer) => answer === "lost").length;
      // What was lost is ready again, whatever was asked of it; only what was done may be gone.
      if (c.capabilities.fenced) {
        const ready = by("requeue") + by("release") + lost;
        await c.depth(queue, { ready, owned: 0, dead: by("dead-letter") });
      }
    },
  },
  {
    id: "work-goes-on-afterwards",
    invariants: ["I-20", "I-2", "I-24"],
    promise: "After an outage in which nobody could connect, consumers and producers go on with nothing lost.",
    needs: ["refuse"],
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue();
      const producer = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      const inbox = await c.consume(queue, { broker: await c.connect(), credit: 3, onDelivery: ack });
      const ids = [...(await c.publish(c.messages(queue, 10), producer))];
      const end = await outage(c, "refuse");
      const during = c.message(queue);
      const [outcome] = await before(operationDeadline(c), "the publish to settle", producer.publish([during]));
      assert.match(outcome?.status ?? "", /^(unknown|refused)$/, "nobody can have accepted it");
      await end();
      await c.publishUntilAccepted(during, producer);
      ids.push(during.id);
      await c.until("all to be delivered", () => ids.every((id) => inbox.ids.includes(id)));
      await c.depth(queue, { ready: 0, owned: 0 });
    },
  },
  {
    id: "a-long-outage-ends-as-soon",
    invariants: ["I-50", "I-24"],
    promise:
      "Also after an outage of several seconds work goes on within a second: nobody waits ever longer between tries.",
    needs: ["refuse"],
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue();
      const producer = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      const inbox = await c.consume(queue, { broker: await c.connect(), credit: 3, onDelivery: ack });
      const end = await outage(c, "refuse");
      await c.elapse(LONG_OUTAGE_MS);
      const message = c.message(queue);
      await end();
      const endedAt = performance.now();
      await c.publishUntilAccepted(message, producer);
      await c.until("it to be delivered", () => inbox.ids.includes(message.id));
      const took = performance.now() - endedAt;
      assert.ok(took <= recovery(c), `it took ${Math.round(took)} ms`);
    },
  },
  {
    id: "close-does-not-wait",
    invariants: ["I-56"],
    promise:
      "Closing while the server is gone resolves within 5 s, whatever is held and asked, and leaves nothing running.",
    needs: ["refuse"],
    async run(c) {
      const queue = await c.queue();
      const growth = new Growth(c);
      await growth.mark();
      const leaving = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      await c.publish(c.messages(queue, 2));
      const inbox = await c.consume(queue, { broker: leaving, credit: 2 });
      const [first] = await inbox.take(2);
      const end = await outage(c, "refuse");
      const asked = Promise.allSettled([first?.ack(), leaving.publish([c.message(queue)])]);
      await before(CLOSE_MS + c.tolerance.slackMs, "close", leaving.close());
      await before(CLOSE_MS, "what was asked to be answered", asked);
      await end();
      await growth.none(0);
    },
  },
]);
