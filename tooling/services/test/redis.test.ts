import { connect } from "node:net";
import { expect, test } from "vitest";
import { startRedis, startRedisCluster, startRedisSentinel } from "../src/index.ts";

test("starts a Redis on a free port, keeps its data over a hard restart, and leaves nothing running", async () => {
  let pid = 0;
  {
    await using server = await startRedis();
    pid = server.process.pid;
    expect(await ask(server.port, "SET a 1")).toBe("+OK");
    await server.process.restart();
    expect(server.process.pid).not.toBe(pid);
    pid = server.process.pid;
    expect(await ask(server.port, "STRLEN a")).toBe(":1");
  }
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("says what the server printed when it cannot start", async () => {
  await expect(startRedis(["--no-such-setting", "1"])).rejects.toThrow(/no-such-setting/);
});

test("starts a cluster of three masters that have all slots", async () => {
  await using cluster = await startRedisCluster();
  expect(cluster.nodes).toHaveLength(3);
  for (const { port } of cluster.nodes) expect(await ask(port, "CLUSTER INFO")).toContain("cluster_state:ok");
});

test("starts a master that Sentinels replace when it dies", async () => {
  await using sentinel = await startRedisSentinel();
  const [master, replica] = sentinel.servers;
  expect(await sentinel.masterPort()).toBe(master.port);
  await master.process.kill();
  while ((await sentinel.masterPort()) !== replica.port) await new Promise((resolve) => setTimeout(resolve, 100));
});

async function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.on("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString().trim());
    });
  });
}
