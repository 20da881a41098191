import { connect, type Socket } from "node:net";
import { expect, it } from "vitest";
import { startNats, startNatsCluster } from "../src/index.ts";

function greeting(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
}

it("starts a NATS server with JetStream that can be killed, started again on its port, and disposed of", async () => {
  const server = await startNats();
  expect(await greeting(server.port)).toContain('"jetstream":true');
  const { pid } = server.process;
  await server.process.restart();
  expect(server.process.pid).not.toBe(pid);
  expect(await greeting(server.port)).toContain('"jetstream":true');
  await server[Symbol.asyncDispose]();
  expect(server.process.running).toBe(false);
});

it("starts three NATS servers that know their leader", { timeout: 60_000 }, async () => {
  const cluster = await startNatsCluster();
  const answer = await fetch(`${cluster.servers[0]?.monitoringUrl}/jsz`);
  const { meta_cluster: meta } = (await answer.json()) as { meta_cluster: { leader: string; cluster_size: number } };
  expect(meta.cluster_size).toBe(3);
  expect(cluster.named(meta.leader).process.running).toBe(true);
  await cluster[Symbol.asyncDispose]();
  expect(cluster.servers.every(({ process }) => !process.running)).toBe(true);
});
