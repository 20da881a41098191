import { describe, expect, it } from "vitest";
import { type ConsumptionTerms, PulledFeed, type PullOptions } from "../../src/brokers/index.ts";
import { QueueNotFoundError } from "../../src/contracts/index.ts";
import { OneConsumption, turn } from "./one-consumption.ts";

const NEVER_MS = 3_600_000;

function pulling(credit: number, options: Partial<PullOptions<number>>) {
  const one = new OneConsumption();
  const troubles: unknown[] = [];
  const terms: ConsumptionTerms<number> = {
    queue: "mail",
    credit,
    host: one,
    onDeliveries: (batch) => void one.batches.push(batch),
  };
  const feed = new PulledFeed<number>(terms, {
    claim: () => {},
    everyMs: NEVER_MS,
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  return { one, feed, consumption: feed.consumption, troubles };
}

const taken = (claim: number) => ({
  message: { id: `m${claim}`, headers: { task: "t" }, body: "[]", priority: 5 },
  claim,
});

describe("a pulled feed", () => {
  it("claims when it begins, and again when there is room, once a turn", async () => {
    let claims = 0;
    const { consumption, one } = pulling(2, {
      claim: (consumption) => {
        claims += 1;
        while (consumption.room > 0) consumption.take(taken(consumption.room));
      },
    });
    await turn();
    expect([claims, consumption.unsettled, one.batches.length]).toEqual([1, 2, 1]);
    for (const delivery of consumption.held) void delivery.ack();
    one.answer("done");
    await turn();
    expect([claims, consumption.unsettled, one.batches.length]).toEqual([2, 2, 2]);
    await consumption.stop();
  });

  it("has one claim under way, and one more for all that woke it meanwhile", async () => {
    let claims = 0;
    const gate = Promise.withResolvers<void>();
    const { feed } = pulling(1, {
      claim: () => {
        claims += 1;
        return gate.promise;
      },
    });
    await turn();
    feed.wake();
    feed.wake();
    await turn();
    expect(claims).toBe(1);
    gate.resolve();
    await turn();
    expect(claims).toBe(2);
    await feed.consumption.stop();
  });

  it("tidies by its clock, also without room, and claims by it when there is some", async () => {
    const done: string[] = [];
    const twice = Promise.withResolvers<void>();
    const { consumption } = pulling(0, {
      everyMs: 1,
      tidy: () => {
        done.push("tidied");
        if (done.length === 2) twice.resolve();
      },
      claim: () => void done.push("claimed"),
    });
    await twice.promise;
    expect(done.slice(0, 2)).toEqual(["tidied", "tidied"]);
    await consumption.stop();
  });

  it("waits with the end of the consumption for the claim under way, and gives back what that brings", async () => {
    const gate = Promise.withResolvers<void>();
    const { consumption, one } = pulling(1, {
      claim: async (consumption) => {
        await gate.promise;
        consumption.take(taken(1));
      },
    });
    await turn();
    let stopped = false;
    const stopping = consumption.stop().then(() => {
      stopped = true;
    });
    await turn();
    expect(stopped).toBe(false);
    gate.resolve();
    await stopping;
    expect(one.leave().map(({ kind }) => kind)).toEqual(["release"]);
    expect(one.batches).toEqual([]);
  });

  it("hands over what it took before a claim failed, says what the trouble was, and tries again when woken", async () => {
    let claims = 0;
    const { feed, one, troubles } = pulling(2, {
      claim: (consumption) => {
        claims += 1;
        consumption.take(taken(claims));
        if (claims === 1) throw new Error("away");
      },
    });
    await turn();
    expect([troubles, one.batches.length]).toEqual([[new Error("away")], 1]);
    feed.wake();
    await turn();
    expect(one.batches).toHaveLength(2);
    await feed.consumption.stop();
  });

  it("ends when its queue is gone", async () => {
    const { consumption, one, troubles } = pulling(1, {
      claim: ({ queue }) => {
        throw new QueueNotFoundError(queue);
      },
    });
    await turn();
    expect([consumption.open, troubles]).toEqual([false, []]);
    expect(one.told).toEqual([{ type: "queue-lost", queue: "mail" }]);
  });

  it("listens for as long as it lives, and does without where that cannot be", async () => {
    const heard: string[] = [];
    let wake = (): void => {};
    const { consumption } = pulling(1, {
      claim: () => void heard.push("claimed"),
      listen: (given) => {
        wake = given;
        return () => heard.push("deaf");
      },
    });
    await turn();
    wake();
    await turn();
    await consumption.stop();
    wake();
    await turn();
    expect(heard).toEqual(["claimed", "claimed", "deaf"]);
    const deaf = pulling(1, {
      claim: () => void heard.push("claimed all the same"),
      listen: () => {
        throw new Error("no watches left");
      },
    });
    await turn();
    expect([heard.at(-1), deaf.troubles]).toEqual(["claimed all the same", [new Error("no watches left")]]);
    await deaf.consumption.stop();
  });

  it("asks about a lease that nobody renewed, and has room again when it is over", async () => {
    const { consumption, one } = pulling(1, {
      claim: (consumption) => void consumption.take({ ...taken(1), leaseExpiresAt: Date.now() + 5 }),
    });
    await expect.poll(() => one.requests.pending, { timeout: 5_000, interval: 5 }).toBe(true);
    const [request] = one.leave();
    expect(request).toMatchObject({ kind: "checkLease", claim: 1 });
    request?.answer("lost");
    expect([request?.delivery.lost.aborted, consumption.room]).toEqual([true, 1]);
    await consumption.stop();
  });
});
