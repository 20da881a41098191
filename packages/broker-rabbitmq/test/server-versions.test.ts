import { describe, expect, test } from "vitest";
import { rabbitMqCapabilities } from "../src/rabbitmq-capabilities.ts";
import { diagnose } from "../src/rabbitmq-diagnosis.ts";
import { serverTraits } from "../src/rabbitmq-server.ts";
import { Layout } from "../src/rabbitmq-topology.ts";

const layout = (queueType: "quorum" | "classic"): Layout =>
  new Layout({ prefix: "lovage", queueType, ackTimeoutMs: 86_400_000 });

describe("what is chosen by the server's version", () => {
  test.each([
    ["3.10.8", "quorum", "none", false],
    ["3.12.0", "quorum", "none", true],
    ["3.13.7", "quorum", "none", true],
    ["4.0.1", "quorum", "banded", true],
    ["4.2.0-rc.1", "quorum", "banded", true],
    ["4.3.0", "quorum", "strict", true],
    ["5.0.0", "quorum", "strict", true],
    ["3.10.8", "classic", "strict", false],
    ["4.0.1", "classic", "strict", true],
  ] as const)(
    "RabbitMQ %s with %s queues: priority %s, ack timeout per queue %s",
    (version, type, priority, perQueue) => {
      const traits = serverTraits({ version }, type);
      expect(traits).toMatchObject({ version, priority, ackTimeoutPerQueue: perQueue });
      expect(rabbitMqCapabilities(traits, type, 1_000)).toMatchObject({
        priority,
        ownership: "connection",
        countsDeliveries: type === "quorum",
        durable: type === "quorum" ? "machine" : "process",
        maxMessageBytes: 1_000,
      });
    },
  );

  test.each(["3.9.29", "3.8.0", "2.8.7", ""])("RabbitMQ %j is refused: it cannot keep a delay", (version) => {
    expect(() => serverTraits({ version }, "quorum")).toThrow(/use 3\.10 or later/);
  });

  test.each([
    ["3.13.0", true],
    ["3.13.2", true],
    ["3.13.3", false],
    ["4.0.0", false],
  ])("RabbitMQ %s is warned of, because it takes delays for cycles: %s", (version, warned) => {
    expect(serverTraits({ version }, "quorum").warning !== undefined).toBe(warned);
  });

  test("the doctor names the server's ack timeout where ours is not honoured", () => {
    const finding = (version: string): unknown =>
      diagnose({ version }, { queueType: "quorum", ackTimeoutMs: 3_600_000 }, undefined).find(
        ({ check }) => check === "ack timeout",
      );
    expect(finding("3.10.8")).toMatchObject({ level: "warning", advice: expect.stringContaining("consumer_timeout") });
    expect(finding("4.0.0")).toMatchObject({ level: "ok", finding: expect.stringContaining("60 minutes") });
  });

  test("queues are declared with the same arguments on every version", () => {
    expect(layout("quorum").readyArguments()).toEqual({
      durable: true,
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000_000,
        "x-consumer-timeout": 86_400_000,
      },
    });
    expect(layout("classic").readyArguments().arguments).toMatchObject({
      "x-queue-type": "classic",
      "x-max-priority": 10,
    });
  });

  test("a delivery limit is always given, and never one that decides", () => {
    const settings = { leaseMs: 10_000, maxDead: 10, deadRetentionMs: 1_000 };
    const declared = [
      layout("quorum").readyArguments(),
      layout("quorum").deadArguments(settings),
      layout("quorum").levelArguments(100, "next"),
    ];
    for (const { arguments: given } of declared) expect(given["x-delivery-limit"]).toBeGreaterThan(1_000_000);
  });
});
