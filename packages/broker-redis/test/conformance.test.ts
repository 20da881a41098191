import { type BrokerHarness, tcpProxy } from "@lovage/conformance";
import { describeBroker, describeControlChannel, describeResultStore } from "@lovage/conformance/vitest";
import { startRedis } from "@lovage/services";
import { afterAll } from "vitest";
import { redisBroker, redisResults } from "../src/index.ts";
import { diskInStep, leftovers, serverClient } from "./server-client.ts";

const server = await startRedis();
const proxy = await tcpProxy({ port: server.port });
const url = `redis://127.0.0.1:${proxy.port}`;
afterAll(async () => {
  await proxy.close();
  await server[Symbol.asyncDispose]();
});

const HEARTBEAT_MS = 1_000;
const SECRET = "n0t-the-passw0rd";

const harness: BrokerHarness = {
  name: "redis",
  create: ({ clockOffsetMs = 0, operationTimeoutMs = 10_000 } = {}) =>
    redisBroker({ url, operationTimeoutMs, heartbeatMs: HEARTBEAT_MS, now: () => Date.now() + clockOffsetMs }),
  skewable: true,
  heartbeatMs: HEARTBEAT_MS,
  connections: () => proxy.links,
  locked: {
    create: () => redisBroker(`redis://nobody:${SECRET}@127.0.0.1:${proxy.port}`),
    secret: SECRET,
  },
  spawnable: { module: new URL("make-broker.ts", import.meta.url), args: [url] },
  faults: {
    ...proxy.faults,
    async restart() {
      await diskInStep(server.port);
      await server.process.restart();
    },
    async fill() {
      await using client = serverClient(server.port);
      await client.config("SET", "maxmemory", "1");
      return async () => {
        await using again = serverClient(server.port);
        await again.config("SET", "maxmemory", "0");
      };
    },
  },
  leftovers: () => leftovers(server.port),
};

describeBroker(harness);
describeControlChannel(harness);
describeResultStore({ name: "redis", create: () => redisResults(url) });
