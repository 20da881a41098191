/** Three servers, every stream in three copies: leaders are killed, the majority is lost and comes back. */

import { type Broker, isLovageError } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import { type NatsCluster, startNatsCluster } from "@lovage/services";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type NatsBrokerOptions, natsBroker, natsResults } from "../../src/index.ts";
import { withStreams } from "../harness.ts";
import { message } from "../support.ts";

const PATIENCE = { timeoutMs: 60_000 };
const LEASE_MS = 3_000;

let cluster: NatsCluster;
beforeAll(async () => {
  cluster = await startNatsCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const open = async (options: NatsBrokerOptions = {}): Promise<Broker> => {
  const broker = natsBroker({ servers: cluster.url, replicas: 3, ...options });
  await broker.connect({ signal: AbortSignal.timeout(30_000) });
  return broker;
};

/** The server that leads the stream of ready messages, as another one says. */
async function leaderOf(stream: string): Promise<string> {
  let leader: string | undefined;
  await eventually(
    "a leader",
    async () => {
      const up = cluster.servers.find(({ process }) => process.running);
      const info = await withStreams({ servers: up?.url as string }, (streams) => streams.info(stream)).catch(
        () => undefined,
      );
      leader = info?.cluster?.leader;
      return leader !== undefined && leader !== "";
    },
    PATIENCE,
  );
  return leader as string;
}

/** Publishes until told, one after the other, each until its fate is known; tells which were accepted. */
function steadily(
  broker: Broker,
  queue: string,
): { readonly accepted: Set<string>; stop(): Promise<void>; readonly gapMs: () => number } {
  const accepted = new Set<string>();
  let going = true;
  let lastAt = performance.now();
  let gap = 0;
  const lanes = Array.from({ length: 5 }, async (_, lane) => {
    for (let count = 0; going; count += 1) {
      const sent = message(queue, `${lane}-${count}`);
      for (;;) {
        const [outcome] = await broker.publish([sent]);
        if (outcome?.status === "accepted" || outcome?.status === "duplicate") break;
        expect(outcome?.error.retryable).toBe(true);
      }
      accepted.add(sent.id);
      const now = performance.now();
      gap = Math.max(gap, now - lastAt);
      lastAt = now;
    }
  });
  return {
    accepted,
    gapMs: () => gap,
    async stop() {
      going = false;
      await Promise.all(lanes);
    },
  };
}

interface Drained {
  readonly ids: ReadonlySet<string>;
  /** With those that came twice. */
  readonly count: number;
}

/** Consumes and acks everything. */
async function drain(broker: Broker, queue: string, credit = 200): Promise<Drained> {
  const ids = new Set<string>();
  const seen = { ids, count: 0 };
  await broker.consume({ queue, credit }, (batch) => {
    for (const delivery of batch) {
      ids.add(delivery.message.id);
      seen.count += 1;
      delivery.ack().catch((error: unknown) => {
        if (!isLovageError(error, "BROKER_CLOSED")) throw error;
      });
    }
  });
  return seen;
}

it("keeps everything in three copies", async () => {
  await using broker = await open();
  await broker.ensureQueue({ name: "copies" });
  const replicas = await withStreams({ servers: cluster.url }, async (streams) => {
    const names = (await streams.names(">")).filter((name) => name.includes("lovage"));
    return Promise.all(names.map(async (name) => [name, (await streams.info(name))?.config.num_replicas] as const));
  });
  expect(replicas.filter(([, copies]) => copies !== 3)).toEqual([]);
  expect(replicas.length).toBeGreaterThanOrEqual(6);
  const found = await broker.diagnose?.();
  expect(found?.find(({ check }) => check === "queue copies")).toMatchObject({ level: "ok", finding: "3 copies" });
  expect(found?.find(({ check }) => check === "durability")).toMatchObject({ level: "ok" });
  await broker.destroyQueue("copies");
});

it("loses nothing when the leader of a queue is killed under load, and goes on without it", async () => {
  await using producer = await open();
  await using consumer = await open();
  await producer.ensureQueue({ name: "leader", leaseMs: LEASE_MS });
  const publishing = steadily(producer, "leader");
  const seen = await drain(consumer, "leader");
  await eventually("work to flow", () => seen.count > 300, PATIENCE);
  const leader = cluster.named(await leaderOf("lovage-q-leader"));
  await leader.process.kill();
  const after = publishing.accepted.size;
  await eventually("publishing to go on without it", () => publishing.accepted.size > after + 300, PATIENCE);
  const delivered = seen.count;
  await eventually("consuming to go on without it", () => seen.count > delivered + 300, PATIENCE);
  await leader.process.start();
  await publishing.stop();
  await eventually("all to be delivered", () => seen.ids.size === publishing.accepted.size, PATIENCE);
  await eventually(
    "nothing to be left",
    async () => {
      const { ready, owned } = await producer.depth("leader");
      return ready === 0 && owned === 0;
    },
    PATIENCE,
  );
  expect([...publishing.accepted].filter((id) => !seen.ids.has(id))).toEqual([]);
  console.log(
    `leader killed: ${publishing.accepted.size} accepted, ${seen.count - publishing.accepted.size} twice, longest gap ${Math.round(publishing.gapMs())} ms`,
  );
  await producer.destroyQueue("leader");
});

it("says unknown or refused while two of three are gone, and loses nothing of what it accepted", async () => {
  await using producer = await open({ operationTimeoutMs: 2_000 });
  await using consumer = await open();
  await producer.ensureQueue({ name: "quorum", leaseMs: LEASE_MS });
  const early = Array.from({ length: 50 }, (_, index) => message("quorum", `early-${index}`));
  const outcomes = await producer.publish(early);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["accepted"]));
  const dueAt = Date.now() + 1_000;
  expect((await producer.publish([message("quorum", "delayed", { dueAt })]))[0]?.status).toBe("accepted");
  const [, second, third] = cluster.servers;
  await Promise.all([second?.process.kill(), third?.process.kill()]);
  await eventually(
    "it to be noticed",
    async () => {
      const [outcome] = await producer.publish([message("quorum", "without-quorum")]);
      return outcome?.status === "unknown" || outcome?.status === "refused";
    },
    PATIENCE,
  );
  await Promise.all([second?.process.start(), third?.process.start()]);
  const seen = await (async () => {
    let inbox: Drained | undefined;
    await eventually(
      "consuming to begin",
      async () => {
        inbox = await drain(consumer, "quorum").catch(() => undefined);
        return inbox !== undefined;
      },
      PATIENCE,
    );
    return inbox as Drained;
  })();
  await eventually("all accepted to be delivered", () => early.every(({ id }) => seen.ids.has(id)), PATIENCE);
  await eventually("what was delayed to be delivered", () => seen.ids.has("delayed"), PATIENCE);
  await eventually(
    "publishing to be accepted again",
    async () => {
      const [outcome] = await producer.publish([message("quorum", "again")]);
      return outcome?.status === "accepted" || outcome?.status === "duplicate";
    },
    PATIENCE,
  );
  await eventually("it to be delivered", () => seen.ids.has("again"), PATIENCE);
  await producer.destroyQueue("quorum");
});

it("knows the other servers of a cluster of which it was told one", async () => {
  const [named] = cluster.servers;
  await using broker = await open({ servers: named?.url as string });
  await broker.ensureQueue({ name: "learnt", leaseMs: LEASE_MS });
  const seen = await drain(broker, "learnt");
  const publishing = steadily(broker, "learnt");
  await eventually("work to flow", () => seen.count > 300, PATIENCE);
  await named?.process.kill();
  const delivered = seen.count;
  await eventually("it to go on with another", () => seen.count > delivered + 300, PATIENCE);
  await publishing.stop();
  await named?.process.start();
  await eventually("all to be delivered", () => seen.ids.size === publishing.accepted.size, PATIENCE);
  await broker.destroyQueue("learnt");
});

it("keeps results over the loss of a leader, and wakes who waits", async () => {
  await using results = natsResults({ servers: cluster.url, replicas: 3 });
  await using other = natsResults({ servers: cluster.url, replicas: 3 });
  await Promise.all([results.connect(), other.connect()]);
  const record = { id: "r-1", task: "t", state: "succeeded", final: true, attempt: 1, value: "1" } as const;
  const waiting = (async () => {
    for await (const { state } of other.wait("r-1", { signal: AbortSignal.timeout(90_000) })) return state;
    return undefined;
  })();
  const leader = cluster.named(await leaderOf("KV_lovage-results"));
  await leader.process.kill();
  await eventually(
    "it to be written",
    () =>
      results.write([record]).then(
        () => true,
        () => false,
      ),
    PATIENCE,
  );
  expect(await waiting).toBe("succeeded");
  await leader.process.start();
  const read = async (): Promise<string | undefined> => (await results.read(["r-1"]))[0]?.state;
  await eventually(
    "it to be read",
    () =>
      read().then(
        (state) => state === "succeeded",
        () => false,
      ),
    PATIENCE,
  );
});
