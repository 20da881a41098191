import { type BrokerHarness, brokerKit } from "@lovage/conformance";
import { describeControlChannel, describeKit } from "@lovage/conformance/vitest";
import { eventually } from "@lovage/core/testing";
import { type RabbitMqServer, startRabbitMqCluster } from "@lovage/services";
import { afterAll } from "vitest";
import { rabbitMqBroker } from "../../src/index.ts";
import { contentsOf } from "../contents.ts";

const cluster = await startRabbitMqCluster();
afterAll(() => cluster[Symbol.asyncDispose]());
const nodes = cluster.nodes as readonly [RabbitMqServer, RabbitMqServer, RabbitMqServer];
const urls = nodes.map(({ url }) => url);

/** For each queue the node that leads it. */
const LEADERS =
  "[case amqqueue:get_pid(Q) of {_, N} -> N; P when is_pid(P) -> node(P); _ -> none end || Q <- rabbit_amqqueue:list()].";
/** Queues of which a replica is away. */
const INCOMPLETE =
  "length([Q || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_quorum_queue, length(proplists:get_value(online, rabbit_amqqueue:info(Q, [online]), [])) < 3]).";

async function whole(): Promise<void> {
  for (const node of nodes) {
    await eventually("the cluster to be whole", async () => (await node.evaluate("length(nodes()).")) === "2", {
      timeoutMs: 60_000,
    });
  }
  await eventually("all replicas", async () => (await nodes[0].evaluate(INCOMPLETE)) === "0", { timeoutMs: 60_000 });
}

/** Whoever leads most of the queues is killed, and comes back when others have taken over. */
async function killLeader(): Promise<void> {
  const leaders = await nodes[0].evaluate(LEADERS);
  const led = (node: string): number => leaders.split(node).length - 1;
  const [leader] = nodes.toSorted((a, b) => led(b.node) - led(a.node)) as [RabbitMqServer];
  await leader.process.kill();
  await leader.process.start();
  await whole();
}

const choices = { heartbeatS: 2 } as const;

const harness: BrokerHarness = {
  name: "rabbitmq, three nodes",
  create: ({ operationTimeoutMs = 10_000 } = {}) => rabbitMqBroker({ url: urls, ...choices, operationTimeoutMs }),
  spawnable: { module: new URL("../make-broker.ts", import.meta.url), args: [urls.join(" "), JSON.stringify(choices)] },
  faults: { restart: killLeader },
  leftovers: () => contentsOf(nodes[0]),
};

/** Twenty restarts in a row, each until the cluster is whole again, would take as many minutes; a single server has them. */
const scenarios = brokerKit.scenarios.filter(({ id }) => id !== "restart/consuming-resumes");
describeKit({ ...brokerKit, scenarios }, harness);
describeControlChannel(harness);
