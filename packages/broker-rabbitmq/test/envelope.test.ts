import type { ConsumeMessage } from "amqplib";
import { describe, expect, test } from "vitest";
import { deadLetter, deadMark, envelope, opened, oversize } from "../src/publishing/rabbitmq-envelope.ts";

/** As it comes back from the server. */
function carried(content: Buffer, properties: object): ConsumeMessage {
  return { content, properties, fields: {} } as unknown as ConsumeMessage;
}

const message = { id: "m-1", headers: { task: "t", attempt: 3, "acme.k": "größe" }, body: "[[1]]", priority: 7 };

describe("the envelope", () => {
  test("brings back what was put in, with the marks of its copy", () => {
    const { content, properties } = envelope(message, { copy: "c-1", due: 1_790_000_000_000, seen: 12 });
    const arrived = opened(carried(content, properties));
    expect(arrived.message).toEqual({ ...message, body: Buffer.from("[[1]]") });
    expect(arrived.marks).toMatchObject({ copy: "c-1", due: 1_790_000_000_000, seen: 12 });
  });

  test("carries nothing of the server's from one copy to the next", () => {
    const { content, properties } = envelope(message);
    const headers = { ...(properties.headers as object), "x-death": [{ count: 1 }], "x-first-death-queue": "q" };
    const next = envelope(opened(carried(content, { ...properties, headers })).message);
    expect(Object.keys(next.properties.headers as object)).toEqual(["lovage"]);
  });

  test.each([
    ["nothing on a first delivery", {}, undefined],
    ["failures and what was given back, before 4.3", { "x-delivery-count": 2 }, 2],
    ["from 4.3 on what was given back too", { "x-delivery-count": 1, "x-acquired-count": 5 }, 5],
    ["and nothing where the number is none", { "x-delivery-count": "many" }, undefined],
  ])("counts deliveries: %s", (_what, headers, expected) => {
    expect(opened(carried(Buffer.from(""), { headers })).deliveriesBefore).toBe(expected);
  });

  test("a dead letter has its reason, and says unknown where somebody else put it there", () => {
    const dead = { queue: "q", reason: { code: "failed", details: "Error: x" }, deadAt: 5, deliveryCount: 2 };
    const { content, properties } = envelope(message, { dead: deadMark(dead) });
    expect(deadLetter(opened(carried(content, properties)), "q")).toMatchObject({ id: "m-1", ...dead });
    expect(deadLetter(opened(carried(Buffer.from(""), {})), "q").reason).toEqual({ code: "unknown" });
  });

  test("knows headers that AMQP cannot carry", () => {
    expect(oversize({ task: "t" })).toBeUndefined();
    expect(oversize({ task: "t", "acme.x": "é".repeat(31_000) })).toBeGreaterThan(60_000);
  });
});
