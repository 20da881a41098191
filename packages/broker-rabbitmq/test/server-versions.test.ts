import { describe, expect, test } from "vitest";
import { serverTraits } from "../src/connection/rabbitmq-server.ts";
import { Layout } from "../src/queues/rabbitmq-topology.ts";
import { rabbitMqCapabilities } from "../src/rabbitmq-capabilities.ts";
import { diagnose } from "../src/rabbitmq-diagnosis.ts";

const layout = (queueType: "quorum" | "classic"): Layout =>
  new Layout({ prefix: "lovage", queueType, ackTimeoutMs: 86_400_000 });

describe("what is chosen by the server's version", () => {
  test.each([
    ["3.10.8", "quorum", "none", 1_800_000],
    ["3.12.0", "quorum", "none", 86_400_000],
    ["3.13.7", "quorum", "none", 86_400_000],
    ["4.0.1", "quorum", "banded", 86_400_000],
    ["4.2.0-rc.1", "quorum", "banded", 86_400_000],
    ["4.3.0", "quorum", "returned-first", 86_400_000],
    ["5.0.0", "quorum", "returned-first", 86_400_000],
    ["3.10.8", "classic", "strict", 1_800_000],
    ["4.0.1", "classic", "strict", 1_800_000],
    ["4.3.6", "classic", "strict", undefined],
  ] as const)(
    "RabbitMQ %s with %s queues: priority %s, a delivery may be unsettled for %s ms",
    (version, type, priority, maxUnsettledMs) => {
      const traits = serverTraits({ version }, type);
      expect(traits).toMatchObject({ version, priority });
      const capabilities = rabbitMqCapabilities(traits, {
        queueType: type,
        bands: 1,
        ackTimeoutMs: undefined,
        maxMessageBytes: 1_000,
        management: false,
      });
      expect(capabilities.maxUnsettledMs).toBe(maxUnsettledMs);
      expect(capabilities).toMatchObject({
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

  test("on servers that keep their ack timeout to themselves it is what the user says", () => {
    const traits = serverTraits({ version: "3.10.8" }, "quorum");
    const facts = {
      queueType: "quorum",
      bands: 1,
      ackTimeoutMs: 7_200_000,
      maxMessageBytes: 1_000,
      management: false,
    } as const;
    expect(rabbitMqCapabilities(traits, facts)).toMatchObject({ maxUnsettledMs: 7_200_000 });
  });

  test("the doctor says how long a message may be held, and where that is set", () => {
    const finding = (version: string, ackTimeoutMs?: number, queueType: "quorum" | "classic" = "quorum"): unknown =>
      diagnose({ version }, { queueType, bands: 1, ackTimeoutMs }, undefined).find(
        ({ check }) => check === "ack timeout",
      );
    expect(finding("3.10.8")).toMatchObject({
      level: "warning",
      finding: expect.stringContaining("30 minutes are assumed"),
      advice: expect.stringContaining("consumer_timeout"),
    });
    expect(finding("3.10.8", 7_200_000)).toMatchObject({
      level: "ok",
      finding: expect.stringContaining("120 minutes, as ackTimeoutMs says"),
    });
    expect(finding("4.0.0", 3_600_000)).toMatchObject({ level: "ok", finding: expect.stringContaining("60 minutes") });
    expect(finding("4.3.0", undefined, "classic")).toMatchObject({
      finding: expect.stringContaining("as long as it runs"),
    });
  });

  test("queues are declared with the same arguments on every version", () => {
    expect(layout("quorum").readyArguments()).toEqual({
      durable: true,
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000_000,
        "x-consumer-timeout": 86_400_000,
        "x-consumer-disconnected-timeout": 1_000,
      },
    });
    expect(layout("classic").readyArguments().arguments).toEqual({ "x-queue-type": "classic", "x-max-priority": 10 });
  });

  test("only a replicated queue needs a while before it outlives a crash", () => {
    expect([layout("quorum").newQueueMs, layout("classic").newQueueMs]).toEqual([1_200, 0]);
  });

  test("the ladder passes messages on at least once, whatever the type of the other queues", () => {
    for (const type of ["quorum", "classic"] as const) {
      expect(layout(type).levelArguments(100, "next").arguments).toMatchObject({
        "x-queue-type": "quorum",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
      });
    }
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
