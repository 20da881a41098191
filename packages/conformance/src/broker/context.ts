import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type {
  Broker,
  BrokerCapabilities,
  BrokerEvent,
  Delivery,
  Headers,
  OutgoingMessage,
  QueueDeclaration,
  QueueDepth,
} from "@lovage/core/contracts";
import { type EventLog, eventLog, eventually } from "@lovage/core/testing";
import type { Tolerance } from "../tolerance.ts";
import type { BrokerHarness, ConnectionOptions } from "./harness.ts";
import { Inbox } from "./inbox.ts";

/** Leases in scenarios: the shortest that the contract allows. */
export const LEASE_MS = 1_000;

export interface ConsumeRequest {
  readonly credit?: number;
  /** Default: the scenario's main connection. */
  readonly broker?: Broker;
  readonly onDelivery?: (delivery: Delivery) => void;
}

/** What a scenario of the broker kit works with: connections, queues of its own, and waits. All of it is closed and removed afterwards. */
export class BrokerContext {
  readonly harness: BrokerHarness;
  readonly capabilities: BrokerCapabilities;
  readonly tolerance: Tolerance;
  readonly leaseMs: number = LEASE_MS;
  readonly #namespace: string;
  readonly #brokers: Broker[] = [];
  readonly #queues = new Set<string>();
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #main: Promise<Broker> | undefined;

  constructor(harness: BrokerHarness, capabilities: BrokerCapabilities, tolerance: Tolerance, scenario: string) {
    this.harness = harness;
    this.capabilities = capabilities;
    this.tolerance = tolerance;
    this.#namespace = `${scenario.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 60)}.${randomUUID().slice(0, 8)}`;
  }

  /** The main connection, made when first asked for. */
  broker(): Promise<Broker> {
    this.#main ??= this.connect();
    return this.#main;
  }

  /** A further connection. */
  async connect(options?: ConnectionOptions): Promise<Broker> {
    const broker = await this.create(options);
    await broker.connect();
    return broker;
  }

  /** A connection that has not been connected. */
  async create(options?: ConnectionOptions): Promise<Broker> {
    const broker = await this.harness.create(options);
    this.#brokers.push(broker);
    return broker;
  }

  /** A name that no other scenario or run uses. Its queue is destroyed at the end, if there is one. */
  name(): string {
    const name = `${this.#namespace}.${this.#queues.size}`;
    this.#queues.add(name);
    return name;
  }

  /** A new queue with the shortest lease. */
  async queue(settings: Omit<QueueDeclaration, "name"> = {}): Promise<string> {
    const name = this.name();
    await (await this.broker()).ensureQueue({ name, leaseMs: this.leaseMs, ...settings });
    return name;
  }

  message(queue: string, parts: Partial<Omit<OutgoingMessage, "queue">> = {}): OutgoingMessage {
    const headers: Headers = { task: "conformance" };
    return { id: randomUUID(), queue, headers, body: "[[]]", priority: 5, ...parts };
  }

  messages(
    queue: string,
    count: number,
    parts: Partial<Omit<OutgoingMessage, "queue" | "id">> = {},
  ): OutgoingMessage[] {
    return Array.from({ length: count }, () => this.message(queue, parts));
  }

  /** Publishes, and insists that all are accepted. Resolves with the ids. */
  async publish(messages: readonly OutgoingMessage[], broker?: Broker): Promise<readonly string[]> {
    const outcomes = await (broker ?? (await this.broker())).publish(messages);
    assert.deepEqual(
      outcomes,
      messages.map(({ id }) => ({ id, status: "accepted" })),
      "every message is accepted, in the order given",
    );
    return messages.map(({ id }) => id);
  }

  /** Publishes one message and resolves with it. */
  async publishOne(queue: string, parts: Partial<Omit<OutgoingMessage, "queue">> = {}): Promise<OutgoingMessage> {
    const message = this.message(queue, parts);
    await this.publish([message]);
    return message;
  }

  /** Publishes with the same id until the broker has it: what a client does that does not know. */
  async publishUntilAccepted(message: OutgoingMessage, broker: Broker): Promise<void> {
    await this.until("it to be accepted", async () => {
      const [outcome] = await broker.publish([message]);
      return outcome?.status === "accepted" || outcome?.status === "duplicate";
    });
  }

  async consume(queue: string, request: ConsumeRequest = {}): Promise<Inbox> {
    const inbox = new Inbox(this.tolerance, request.onDelivery);
    const broker = request.broker ?? (await this.broker());
    inbox.consumption = await broker.consume({ queue, credit: request.credit ?? 1 }, inbox.receive);
    return inbox;
  }

  /** Publishes one message and takes it: the delivery is ours. */
  async own(queue: string, parts: Partial<Omit<OutgoingMessage, "queue">> = {}): Promise<Delivery> {
    await this.publishOne(queue, parts);
    const inbox = await this.consume(queue);
    const delivery = await inbox.next();
    await inbox.consumption.stop();
    return delivery;
  }

  events(broker: Broker): EventLog<BrokerEvent> {
    const log = eventLog(broker);
    this.cleanup(() => log.stop());
    return log;
  }

  /** Waits for a condition that no event announces. */
  async until<T>(
    what: string,
    probe: () => T | Promise<T>,
    withinMs: number = this.tolerance.patienceMs,
  ): Promise<void> {
    await eventually(what, probe, { timeoutMs: withinMs });
  }

  /** Waits until the queue shows these numbers; those that the broker cannot tell are left out. */
  async depth(queue: string, expected: Partial<Record<"ready" | "delayed" | "owned" | "dead", number>>): Promise<void> {
    const broker = await this.broker();
    let seen: QueueDepth | undefined;
    const matches = async (): Promise<boolean> => {
      seen = await broker.depth(queue);
      return (Object.keys(expected) as (keyof typeof expected)[]).every(
        (part) => !this.capabilities.depth[part] || seen?.[part] === expected[part],
      );
    };
    await this.until(`depth ${JSON.stringify(expected)}`, matches).catch(() => {
      assert.fail(`depth is ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`);
    });
  }

  /** Lets time pass that a promise itself names (a lease, a delay). Not for waiting until something has happened. */
  elapse(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Looks for a while whether something happens that must not, where no later event can rule it out. */
  async quiet(what: string, happened: () => boolean): Promise<void> {
    await this.elapse(this.tolerance.quietMs);
    assert.ok(!happened(), what);
  }

  /** Nothing but a message published now arrives in a new consumption of the queue: whatever was there before is gone or not ready. */
  async nothingReady(queue: string): Promise<void> {
    const marker = await this.publishOne(queue, { priority: 0 });
    const inbox = await this.consume(queue, {
      broker: await this.connect(),
      credit: 100,
      onDelivery: (d) => void d.ack(),
    });
    await this.until("the marker to arrive", () => inbox.ids.includes(marker.id));
    await inbox.consumption.stop();
    assert.deepEqual(inbox.ids, [marker.id], "nothing but the marker is delivered");
  }

  cleanup(action: () => Promise<void> | void): void {
    this.#cleanups.push(action);
  }

  /** Closes every connection and removes the queues of a scenario that passed; one that failed keeps them for inspection. */
  async end(passed: boolean): Promise<void> {
    for (const action of this.#cleanups.reverse()) await action();
    for (const broker of this.#brokers) await broker.close();
    if (!passed || this.#queues.size === 0) return;
    const broker = await this.harness.create();
    await broker.connect();
    try {
      for (const queue of await broker.queues()) if (this.#queues.has(queue)) await broker.destroyQueue(queue);
    } finally {
      await broker.close();
    }
  }
}

export type BrokerScenario = import("../scenario.ts").Scenario<BrokerContext, BrokerCapabilities>;
