import { describe, expect, test } from "vitest";
import { duePattern, firstStep, UNIT_MS } from "../src/publishing/rabbitmq-ladder.ts";
import { Layout } from "../src/queues/rabbitmq-topology.ts";

const layout = new Layout({ prefix: "lovage", queueType: "quorum", ackTimeoutMs: 60_000 });

/** How long a message rests on its way, by its routing key. */
function restMs(routingKey: string): number {
  const bits = routingKey.split(".").slice(0, 32);
  return bits.reduce((sum, bit, place) => sum + (bit === "1" ? 2 ** (31 - place) : 0), 0) * UNIT_MS;
}

describe("the first step on the delay ladder", () => {
  test.each([1, 40, 97, 98, 99, 100, 101, 250, 1_000, 3_600_000, 86_400_000, 365 * 86_400_000, 3_650 * 86_400_000])(
    "a delay of %i ms is kept in full, and exceeded by little more than a unit",
    (delayMs) => {
      const rest = restMs(firstStep(layout, "mail", delayMs).routingKey);
      expect(rest).toBeGreaterThanOrEqual(delayMs);
      expect(rest).toBeLessThan(delayMs + UNIT_MS + 3);
    },
  );

  test("is the level of the highest bit, so that it is routed to a queue at once", () => {
    expect(firstStep(layout, "mail", 1)).toEqual({
      exchange: "lovage:delay:00",
      routingKey: `${"0.".repeat(31)}1.mail`,
    });
    expect(firstStep(layout, "mail", 1_200 - 2).exchange).toBe("lovage:delay:03");
  });

  test("a queue is found by its whole name", () => {
    const { routingKey } = firstStep(layout, "x.mail", 1);
    const words = routingKey.split(".");
    expect(words).toHaveLength(33);
    expect(`#.${words.at(-1)}`).toBe(duePattern("x.mail"));
    expect(duePattern("x.mail")).not.toBe(duePattern("mail"));
  });

  test("fits into a routing key whatever the queue's name", () => {
    expect(firstStep(layout, "q".repeat(128), 1).routingKey.length).toBeLessThanOrEqual(255);
  });
});
