import type { BrokerHarness } from "@lovage/conformance";
import { describeBroker, describeControlChannel, describeResultStore } from "@lovage/conformance/vitest";
import { startRedisCluster } from "@lovage/services";
import { afterAll } from "vitest";
import { redisBroker, redisResults } from "../../src/index.ts";
import { diskInStep, leftovers, serverClient } from "../server-client.ts";

const cluster = await startRedisCluster();
const { url, nodes } = cluster;
afterAll(() => cluster[Symbol.asyncDispose]());

async function maxMemory(bytes: string): Promise<void> {
  for (const { port } of nodes) {
    await using client = serverClient(port);
    await client.config("SET", "maxmemory", bytes);
  }
}

const harness: BrokerHarness = {
  name: "redis cluster",
  create: ({ clockOffsetMs = 0, operationTimeoutMs = 10_000 } = {}) =>
    redisBroker({ url, operationTimeoutMs, now: () => Date.now() + clockOffsetMs }),
  skewable: true,
  spawnable: { module: new URL("../make-broker.ts", import.meta.url), args: [url] },
  faults: {
    async restart() {
      await Promise.all(nodes.map(({ port }) => diskInStep(port)));
      await Promise.all(nodes.map(({ process }) => process.kill()));
      await Promise.all(nodes.map(({ process }) => process.start()));
      for (const { port } of nodes) {
        await using client = serverClient(port);
        while (!String(await client.cluster("INFO")).includes("cluster_state:ok")) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    },
    async fill() {
      await maxMemory("1");
      return () => maxMemory("0");
    },
  },
  leftovers: async () => (await Promise.all(nodes.map(({ port }) => leftovers(port)))).flat(),
};

describeBroker(harness);
describeControlChannel(harness);
describeResultStore({ name: "redis cluster", create: () => redisResults(url) });
