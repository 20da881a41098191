import { describe, expect, it } from "vitest";
import { byKind, type DeliveryRequest, oneByOne, Sender } from "../../src/brokers/index.ts";
import { QueueNotFoundError } from "../../src/contracts/index.ts";
import { OneConsumption, turn } from "./one-consumption.ts";

type Requests = readonly DeliveryRequest<number>[];

/** Everything that deliveries of `one` ask goes to the sender. */
function sending(one: OneConsumption, settle: (requests: Requests) => Promise<void> | void, maxUnderWay = 1) {
  const troubles: unknown[] = [];
  const sender = new Sender<number>({ settle, maxUnderWay, maxBatch: 3, onTrouble: (error) => troubles.push(error) });
  Object.assign(one, { requests: sender });
  return { sender, troubles };
}

const claims = (requests: Requests): number[] => requests.map(({ claim }) => claim);
const done = (requests: Requests): void => {
  for (const request of requests) request.answer("done");
};

describe("the sender", () => {
  it("sends what a tick asks as one command, and frees the credit with it", async () => {
    const one = new OneConsumption();
    const sent: number[][] = [];
    sending(one, (requests) => {
      sent.push(claims(requests));
      done(requests);
    });
    const acks = [one.take().ack(), one.take().ack()];
    expect([sent, one.consumption.unsettled]).toEqual([[], 2]);
    expect(await Promise.all(acks)).toEqual(["done", "done"]);
    expect([sent, one.consumption.unsettled]).toEqual([[[1, 2]], 0]);
  });

  it("lets things gather while one command is under way, and never sends more than fits", async () => {
    const one = new OneConsumption(20);
    const sent: number[][] = [];
    const gate = Promise.withResolvers<void>();
    sending(one, async (requests) => {
      sent.push(claims(requests));
      if (sent.length === 1) await gate.promise;
      done(requests);
    });
    const first = one.take().ack();
    await turn();
    const rest = Array.from({ length: 4 }, () => one.take().ack());
    await turn();
    expect(sent).toEqual([[1]]);
    gate.resolve();
    await Promise.all([first, ...rest]);
    expect(sent).toEqual([[1], [2, 3, 4], [5]]);
  });

  it("has as many commands under way as it may", async () => {
    const one = new OneConsumption(20);
    const sent: number[][] = [];
    const gate = Promise.withResolvers<void>();
    sending(
      one,
      async (requests) => {
        sent.push(claims(requests));
        await gate.promise;
        done(requests);
      },
      2,
    );
    const acks = Array.from({ length: 7 }, () => one.take().ack());
    await turn();
    await turn();
    expect(sent).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    gate.resolve();
    await Promise.all(acks);
    expect(sent).toHaveLength(3);
  });

  it("asks again until there is an answer, says what the trouble was, and goes on at once when the server is back", async () => {
    const one = new OneConsumption();
    const tries: number[][] = [];
    let away = true;
    const failed = Promise.withResolvers<void>();
    const { sender, troubles } = sending(one, (requests) => {
      tries.push(claims(requests));
      if (away) {
        requests[0]?.answer("lost");
        failed.resolve();
        throw new Error("away");
      }
      done(requests);
    });
    const [known, unknown] = [one.take().ack(), one.take().ack()];
    await failed.promise;
    await turn();
    away = false;
    sender.retryNow();
    expect([await known, await unknown]).toEqual(["lost", "done"]);
    expect(tries).toEqual([[1, 2], [2]]);
    expect(troubles).toEqual([new Error("away")]);
  });

  it("sends what was asked before it closes, and refuses what has no answer then or is asked later", async () => {
    const one = new OneConsumption();
    const { sender } = sending(one, (requests) => requests.find(({ claim }) => claim === 1)?.answer("done"));
    const [answered, hopeless] = [one.take().ack(), one.take().ack()];
    const refused = expect(hopeless).rejects.toMatchObject({ code: "BROKER_CLOSED" });
    await sender.close(100);
    await refused;
    expect(await answered).toBe("done");
    await expect(one.take().ack()).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  });

  it("closes at once when everything has its answer", async () => {
    const one = new OneConsumption();
    const { sender } = sending(one, done);
    const acked = one.take().ack();
    await sender.close(600_000);
    expect(await acked).toBe("done");
  });

  it("keeps no answer back because of another that fails, when requests are carried out one by one", async () => {
    const one = new OneConsumption();
    let broken = true;
    const { troubles } = sending(
      one,
      oneByOne(async ({ claim }) => {
        if (claim === 1 && broken) throw new Error("unreadable");
        return claim !== 2;
      }),
    );
    const [first, second, third] = [one.take().ack(), one.take().ack(), one.take().ack()];
    expect([await second, await third]).toEqual(["lost", "done"]);
    broken = false;
    expect(await first).toBe("done");
    expect(troubles.length).toBeGreaterThan(0);
  });
});

it("lets one that can never be carried out keep nobody waiting", async () => {
  const one = new OneConsumption(100);
  const tries: number[] = [];
  const { sender } = sending(
    one,
    oneByOne(({ claim }) => {
      tries.push(claim);
      if (claim === 1) throw new Error("unreadable");
      return true;
    }),
  );
  const hopeless = expect(one.take().ack()).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  for (let wave = 0; wave < 20; wave += 1) {
    const acks = [one.take().ack(), one.take().ack()];
    expect(await Promise.all(acks)).toEqual(["done", "done"]);
  }
  expect(tries.filter((claim) => claim === 1).length).toBeLessThan(10);
  await sender.close(0);
  await hopeless;
});

it("takes a queue that is gone for the answer that nothing in it is ours", async () => {
  const one = new OneConsumption();
  const { sender, troubles } = sending(
    one,
    oneByOne(({ delivery }) => {
      throw new QueueNotFoundError(delivery.queue);
    }),
  );
  expect([await one.take().ack(), troubles]).toEqual(["lost", []]);
  await sender.close(0);
});

it("requests are told apart by kind, each in the order asked", () => {
  const one = new OneConsumption();
  const [a, b, c] = [one.take({ leaseExpiresAt: 1 }), one.take(), one.take()];
  void a.renew();
  void b.ack();
  void c.deadLetter({ code: "failed" });
  void a.requeue({ delayMs: 5, headers: { task: "t", attempt: 2 } });
  const { ack, deadLetter, renew, requeue, release } = byKind(one.leave());
  expect([claims(renew), claims(ack), claims(release)]).toEqual([[1], [2], []]);
  expect(deadLetter).toMatchObject([{ claim: 3, reason: { code: "failed" } }]);
  expect(requeue).toMatchObject([{ claim: 1, delayMs: 5, headers: { attempt: 2 } }]);
});
