import { describe, expect, it } from "vitest";
import { BrokerEvents, Connection } from "../../src/brokers/index.ts";
import { BrokerStorageError, BrokerUnavailableError } from "../../src/contracts/index.ts";
import { turn } from "./one-consumption.ts";

const away = (): never => {
  throw new BrokerUnavailableError("away");
};

describe("a connection", () => {
  it("refuses work before and after, and knows what it learned also after", async () => {
    const connection = new Connection(new BrokerEvents());
    expect(() => connection.check()).toThrow(/await connect\(\) first/);
    expect(() => connection.checkReached()).toThrow(/await connect\(\) first/);
    await connection.connect(() => {});
    connection.check();
    await connection.close(async () => {});
    expect(() => connection.check()).toThrow(/is closed/);
    connection.checkReached();
    await expect(connection.connect(() => {})).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  });

  it("tries until the server is there, opens once for all who ask, and says so once it may be used", async () => {
    const events = new BrokerEvents();
    const connection = new Connection(events);
    const told: boolean[] = [];
    events.on(() => told.push(connection.connected));
    let tries = 0;
    const open = async (): Promise<void> => {
      tries += 1;
      if (tries < 3) away();
    };
    await Promise.all([connection.connect(open), connection.connect(open)]);
    await connection.connect(open);
    expect([tries, told]).toEqual([3, [true]]);
  });

  it("rejects at once with what waiting does not mend, and may be tried anew", async () => {
    const connection = new Connection(new BrokerEvents());
    const refused = connection.connect(() => {
      throw new BrokerStorageError("a newer layout");
    });
    await expect(refused).rejects.toMatchObject({ code: "BROKER_STORAGE" });
    await connection.connect(() => {});
    expect(connection.connected).toBe(true);
  });

  it("goes on for the others when one of them has no patience left, and stops when none has", async () => {
    const connection = new Connection(new BrokerEvents());
    const [first, second] = [new AbortController(), new AbortController()];
    let signal: AbortSignal | undefined;
    const open = (given: AbortSignal): never => {
      signal = given;
      return away();
    };
    const waiting = [connection.connect(open, first.signal), connection.connect(open, second.signal)];
    const outcomes = Promise.allSettled(waiting);
    first.abort(new Error("enough"));
    await expect(waiting[0]).rejects.toThrow("enough");
    expect(signal?.aborted).toBe(false);
    second.abort(new Error("enough too"));
    await outcomes;
    expect(signal?.aborted).toBe(true);
    await connection.connect(() => {});
  });

  it("ends a connect that is under way when it closes, and closes once", async () => {
    const connection = new Connection(new BrokerEvents());
    const connecting = expect(connection.connect(away)).rejects.toMatchObject({ code: "BROKER_CLOSED" });
    let closes = 0;
    const end = async (wasConnected: boolean): Promise<void> => {
      closes += 1;
      expect([wasConnected, connection.closed]).toEqual([false, false]);
      await turn();
      expect(connection.closed).toBe(true);
    };
    await Promise.all([connection.close(end), connection.close(end)]);
    await connecting;
    expect(closes).toBe(1);
  });
});

describe("the listeners of a broker", () => {
  it("are told of what is lost together in one event per queue", async () => {
    const events = new BrokerEvents();
    const told: unknown[] = [];
    events.on((event) => told.push(event));
    events.ownershipLost("mail", "1");
    events.ownershipLost("cpu", "2");
    events.ownershipLost("mail", "3");
    await turn();
    events.ownershipLost("mail", "4");
    await turn();
    expect(told).toEqual([
      { type: "ownership-lost", queue: "mail", ids: ["1", "3"] },
      { type: "ownership-lost", queue: "cpu", ids: ["2"] },
      { type: "ownership-lost", queue: "mail", ids: ["4"] },
    ]);
  });

  it("hear nothing after they left, or the broker closed", async () => {
    const events = new BrokerEvents();
    const told: string[] = [];
    const listener = (event: { type: string }): void => void told.push(event.type);
    const leave = events.on(listener);
    events.on(listener);
    events.emit({ type: "unblocked" });
    leave();
    leave();
    events.emit({ type: "unblocked" });
    events.ownershipLost("mail", "1");
    events.close();
    events.emit({ type: "unblocked" });
    await turn();
    expect(told).toHaveLength(3);
  });
});
