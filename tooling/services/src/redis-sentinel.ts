import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "./free-port.ts";
import { type RedisServer, startRedisProcess } from "./redis.ts";
import { askRedis, redisSays } from "./redis-ask.ts";

const NAME = "mymaster";
const SENTINELS = 3;
/** A master that has not answered for this long is down. */
const DOWN_AFTER_MS = 1_000;

export interface RedisSentinel extends AsyncDisposable {
  /** `redis+sentinel://127.0.0.1:…,127.0.0.1:…/mymaster`: as it goes into `--broker`. */
  readonly url: string;
  /** Master and replica as they began. */
  readonly servers: readonly [RedisServer, RedisServer];
  readonly sentinels: readonly RedisServer[];
  /** Port of the server that the Sentinels say is the master now. */
  masterPort(): Promise<number>;
}

/** A master, its replica and three Sentinels on loopback, who know each other. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const [masterPort, replicaPort, ...sentinelPorts] = (await freePorts(2 + SENTINELS)) as [number, number, ...number[]];
  const started: RedisServer[] = [];
  const start = async (...args: Parameters<typeof startRedisProcess>): Promise<RedisServer> => {
    const server = await startRedisProcess(...args);
    started.push(server);
    return server;
  };
  const end = async (): Promise<void> => {
    await Promise.all(started.map((server) => server[Symbol.asyncDispose]()));
  };
  const data = (port: number): string[] => [
    "--port",
    `${port}`,
    "--bind",
    "127.0.0.1",
    "--appendonly",
    "yes",
    "--save",
    "",
  ];
  try {
    const master = await start(masterPort, () => data(masterPort));
    const replica = await start(replicaPort, () => [...data(replicaPort), "--replicaof", "127.0.0.1", `${masterPort}`]);
    await redisSays(replicaPort, "INFO replication", /master_link_status:up/);
    const sentinels: RedisServer[] = [];
    for (const port of sentinelPorts) {
      sentinels.push(
        await start(port, async (folder) => {
          const file = join(folder, "sentinel.conf");
          await writeFile(file, sentinelConfig(port, masterPort));
          return [file, "--sentinel"];
        }),
      );
    }
    for (const port of sentinelPorts) await redisSays(port, "INFO sentinel", /status=ok.*slaves=1,sentinels=3/);
    return {
      url: `redis+sentinel://${sentinelPorts.map((port) => `127.0.0.1:${port}`).join(",")}/${NAME}`,
      servers: [master, replica],
      sentinels,
      async masterPort() {
        const answer = await askRedis(sentinelPorts[0] as number, `SENTINEL get-master-addr-by-name ${NAME}`);
        return Number(answer.trim().split("\r\n").at(-1));
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function sentinelConfig(port: number, masterPort: number): string {
  return [
    `port ${port}`,
    "bind 127.0.0.1",
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 5000`,
    "",
  ].join("\n");
}
