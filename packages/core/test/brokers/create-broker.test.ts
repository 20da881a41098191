import { describe, expect, it } from "vitest";
import {
  type BrokerHost,
  type BrokerRuntime,
  createBroker,
  HeldConsumption,
  publishEach,
} from "../../src/brokers/index.ts";
import {
  type BrokerCapabilities,
  type BrokerEvent,
  BrokerStorageError,
  BrokerUnavailableError,
  type Delivery,
} from "../../src/contracts/index.ts";
import { turn } from "./one-consumption.ts";

/** A runtime whose parts a test replaces. What its deliveries ask is done at once. */
function brokerOf(parts: Partial<BrokerRuntime<number>> = {}) {
  let host: BrokerHost | undefined;
  const nothing = { queues: () => [], depth: () => Promise.reject(new Error("raw")) } as unknown;
  const broker = createBroker<number>((given) => {
    host = given;
    return {
      name: "part",
      address: "part:",
      admin: nothing as BrokerRuntime["admin"],
      requests: {
        ask(request) {
          request.leaves();
          request.answer("done");
        },
        close: () => {},
      },
      open: () => ({}) as BrokerCapabilities,
      publish: () => [],
      consume: (terms) => new HeldConsumption(terms, { roomChanged: () => {}, end: () => {} }),
      close: () => {},
      ...parts,
    };
  });
  const told: BrokerEvent[] = [];
  broker.onEvent((event) => told.push(event));
  return { broker, told, host: host as BrokerHost };
}

describe("a broker of a runtime", () => {
  it("lets nothing through before connect and after close", async () => {
    const { broker } = brokerOf();
    const all = () => [broker.publish([]), broker.queues(), broker.consume({ queue: "q", credit: 1 }, () => {})];
    for (const call of all()) await expect(call).rejects.toMatchObject({ code: "BROKER_UNAVAILABLE" });
    expect(() => broker.capabilities).toThrow(/not connected/);
    await broker.connect();
    expect(await broker.queues()).toEqual([]);
    await broker.close();
    for (const call of all()) await expect(call).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  });

  it("translates what the runtime throws, wherever that is", async () => {
    const errorOf = (error: unknown) => new BrokerStorageError("translated", { cause: error });
    const broken = brokerOf({
      errorOf,
      open: () => {
        throw new Error("raw");
      },
    });
    await expect(broken.broker.connect()).rejects.toMatchObject({ code: "BROKER_STORAGE" });
    const { broker } = brokerOf({ errorOf });
    await broker.connect();
    await expect(broker.depth("q")).rejects.toMatchObject({ message: "translated" });
    await broker.close();
  });

  it("gives up a call at its deadline, and ends a consumption that comes too late for it", async () => {
    const late = Promise.withResolvers<HeldConsumption<number>>();
    let terms: ConstructorParameters<typeof HeldConsumption<number>>[0] | undefined;
    const { broker } = brokerOf({
      operationTimeoutMs: 5,
      consume: (given) => {
        terms = given;
        return late.promise;
      },
    });
    await broker.connect();
    await expect(broker.consume({ queue: "q", credit: 1 }, () => {})).rejects.toMatchObject({
      code: "BROKER_UNAVAILABLE",
    });
    const ended = Promise.withResolvers<void>();
    late.resolve(new HeldConsumption(terms as never, { roomChanged: () => {}, end: () => ended.resolve() }));
    await ended.promise;
    await broker.close();
  });

  it("tells a trouble once, until there is another", async () => {
    const { broker, host, told } = brokerOf({ errorOf: (error) => new BrokerUnavailableError(String(error)) });
    await broker.connect();
    for (const error of ["away", "away", "odd", "away"]) host.trouble(error);
    expect(told.filter(({ type }) => type === "warning").map((event) => "message" in event && event.message)).toEqual([
      "away",
      "odd",
    ]);
    await broker.close();
  });

  it("gives back what is held while it can still be asked, and closes its runtime last", async () => {
    const order: string[] = [];
    let consumption: HeldConsumption<number> | undefined;
    const { broker, host } = brokerOf({
      requests: {
        ask(request) {
          order.push(`${request.kind} ${host.closed ? "after" : "before"}`);
          request.answer("done");
        },
        close: () => void order.push("requests closed"),
      },
      consume: (terms) => {
        consumption = new HeldConsumption(terms, { roomChanged: () => {}, end: () => void order.push("ended") });
        return consumption;
      },
      close: () => void order.push("runtime closed"),
    });
    await broker.connect();
    const got = Promise.withResolvers<Delivery>();
    await broker.consume({ queue: "q", credit: 1 }, ([delivery]) => got.resolve(delivery as Delivery));
    consumption?.take({ message: { id: "1", headers: { task: "t" }, body: "", priority: 5 }, claim: 1 });
    const held = await got.promise;
    await Promise.all([broker.close(), broker.close()]);
    expect(order).toEqual(["ended", "release before", "requests closed", "runtime closed"]);
    expect(held.lost.aborted).toBe(true);
    await expect(held.ack()).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  });

  it("closes a runtime that never got as far as to be open", async () => {
    let closed = 0;
    const { broker } = brokerOf({ close: () => void closed++ });
    await broker.close();
    expect(closed).toBe(1);
  });

  it("loses the consumptions of a queue that it destroys itself", async () => {
    const admin = { destroyQueue: () => ({ ready: 0 }) } as unknown as BrokerRuntime["admin"];
    const { broker, told } = brokerOf({ admin });
    await broker.connect();
    await broker.consume({ queue: "mail", credit: 1 }, () => {});
    await broker.consume({ queue: "other", credit: 1 }, () => {});
    await broker.destroyQueue("mail");
    await turn();
    expect(told).toEqual([{ type: "connected" }, { type: "queue-lost", queue: "mail" }]);
    await broker.close();
  });
});

it("messages that are published one by one each have their outcome, in order", async () => {
  const message = (id: string, body = "") => ({ id, queue: "q", headers: { task: "t" }, body, priority: 5 });
  const outcomes = await publishEach(
    ["stored", "there", "full", "cut", "large"].map((id) => message(id, id === "large" ? "12345" : "")),
    {
      limits: { maxMessageBytes: 4, maxDelayMs: 0 },
      errorOf: (error) => error as BrokerStorageError,
      store: async ({ id }) => {
        if (id === "full") throw new BrokerStorageError("full");
        if (id === "cut") throw new BrokerUnavailableError("cut");
        return id === "there" ? "duplicate" : "accepted";
      },
    },
  );
  expect(outcomes.map(({ id, status }) => [id, status])).toEqual([
    ["stored", "accepted"],
    ["there", "duplicate"],
    ["full", "refused"],
    ["cut", "unknown"],
    ["large", "refused"],
  ]);
});
