import assert from "node:assert/strict";
import { inspect } from "node:util";
import { isLovageError } from "@lovage/core/contracts";
import { before } from "../run-scenarios.ts";
import { inGroup } from "../scenario.ts";
import type { BrokerContext, BrokerScenario } from "./context.ts";
import { outage } from "./outage.ts";

/** What the process prints until the scenario ends. */
function printed(c: BrokerContext): () => string {
  let text = "";
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write;
    stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
      text += Buffer.from(chunk as string).toString();
      return write.call(stream, chunk as string, ...rest);
    }) as typeof stream.write;
    c.cleanup(() => {
      stream.write = write;
    });
  }
  return () => text;
}

const shown = (value: unknown): string => inspect(value, { depth: 12, maxStringLength: 100_000, showHidden: true });

export const secrets: readonly BrokerScenario[] = inGroup("secrets", [
  {
    id: "wrong-credentials-end-the-start",
    invariants: ["I-49", "I-54"],
    promise:
      "Credentials that the server turns away end connect at once with an error that is not retryable; no error, event, address or output shows them.",
    needs: ["locked"],
    async run(c) {
      const { locked } = c.harness;
      if (locked === undefined) throw new Error("the harness has no way in that is locked");
      const output = printed(c);
      const broker = await locked.create();
      c.cleanup(() => broker.close());
      const events = c.events(broker);
      const turnedAway = broker.connect().then(
        () => assert.fail("it was let in"),
        (error: unknown) => error,
      );
      const error = await before(c.tolerance.patienceMs, "connect to reject", turnedAway);
      assert.ok(isLovageError(error), `a LovageError, not ${String(error)}`);
      assert.equal(error.retryable, false, "waiting does not mend it");
      await broker.close();
      for (const [what, text] of Object.entries({
        "the error": shown(error) + JSON.stringify(error),
        "an event": shown(events.events),
        "the address": broker.address,
        "the broker, inspected,": inspect(broker, { depth: 2 }),
        "the output": output(),
      })) {
        assert.ok(!text.includes(locked.secret), `${what} shows the secret`);
      }
    },
  },
  {
    id: "an-outage-shows-none",
    invariants: ["I-54"],
    promise:
      "What is said of an outage, in errors, events and output, has no body, no header and no credentials in it.",
    needs: ["refuse"],
    async run(c) {
      const queue = await c.queue();
      const output = printed(c);
      const broker = await c.connect({ operationTimeoutMs: 500 });
      const events = c.events(broker);
      const secret = "s3cr3t-0u7age";
      const end = await outage(c, "refuse");
      const message = c.message(queue, { body: `[["${secret}"]]`, headers: { task: "t", "acme.token": secret } });
      const [outcome] = await broker.publish([message]);
      const depth = await broker.depth(queue).catch((error: unknown) => error);
      await end();
      const text = [shown(outcome), shown(depth), shown(events.events), output()].join("\n");
      assert.ok(!text.includes(secret), "something shows what it must not");
      assert.doesNotMatch(text, /\/\/[^/@\s]*:[^/@\s]+@/, "something shows a password");
    },
  },
]);
