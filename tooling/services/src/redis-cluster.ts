import { freePorts } from "./free-port.ts";
import { type RedisServer, startRedisProcess } from "./redis.ts";
import { askRedis, redisSays } from "./redis-ask.ts";

const SLOTS = 16_384;
const MASTERS = 3;

export interface RedisCluster extends AsyncDisposable {
  /** `redis+cluster://127.0.0.1:…,127.0.0.1:…`: as it goes into `--broker`. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
}

/** Three masters without replicas on loopback, each with a third of the slots; those of one that is down are down, the others go on. */
export async function startRedisCluster(args: readonly string[] = []): Promise<RedisCluster> {
  const ports = await freePorts(2 * MASTERS);
  const nodes: RedisServer[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  };
  try {
    for (let index = 0; index < MASTERS; index += 1) {
      nodes.push(await startNode(ports[index] as number, ports[MASTERS + index] as number, args));
    }
    const [first] = nodes as [RedisServer];
    for (const [index, { port }] of nodes.entries()) {
      const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
        (slot) => Math.floor((slot * MASTERS) / SLOTS) === index,
      );
      await askRedis(port, `CLUSTER ADDSLOTS ${slots.join(" ")}`);
      await askRedis(port, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`);
      if (index > 0) await askRedis(port, `CLUSTER MEET 127.0.0.1 ${first.port} ${ports[MASTERS]}`);
    }
    for (const { port } of nodes) {
      await redisSays(
        port,
        "CLUSTER INFO",
        /cluster_state:ok[\s\S]*cluster_slots_ok:16384[\s\S]*cluster_known_nodes:3/,
      );
    }
  } catch (error) {
    await end();
    throw error;
  }
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    nodes,
    [Symbol.asyncDispose]: end,
  };
}

function startNode(port: number, busPort: number, args: readonly string[]): Promise<RedisServer> {
  const cluster = ["--cluster-enabled", "yes", "--cluster-port", `${busPort}`, "--cluster-node-timeout", "2000"];
  const loopback = ["--bind", "127.0.0.1", "--cluster-announce-ip", "127.0.0.1"];
  return startRedisProcess(port, () => [
    ...["--port", `${port}`, ...loopback, ...cluster],
    ...["--cluster-require-full-coverage", "no", "--appendonly", "yes", "--save", "", ...args],
  ]);
}
