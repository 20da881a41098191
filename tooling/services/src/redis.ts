import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, provide } from "./binaries.ts";
import { freePort } from "./free-port.ts";
import { redisAnswers } from "./redis-ask.ts";
import { ServerProcess } from "./server-process.ts";

export const REDIS: Program = { command: "redis-server", debian: "redis-server", variable: "LOVAGE_TEST_REDIS" };

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly process: ServerProcess;
}

/** A server of one's own on loopback with an append-only file, gone with its folder when disposed of. `args` are further settings: `["--maxmemory", "10mb"]`. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const persistent = ["--bind", "127.0.0.1", "--appendonly", "yes", "--save", ""];
  return startRedisProcess(port, () => ["--port", `${port}`, ...persistent, ...args]);
}

/** For servers with settings of their own; `argsIn` is told the folder that they may write to. */
export async function startRedisProcess(
  port: number,
  argsIn: (folder: string) => readonly string[] | Promise<readonly string[]>,
): Promise<RedisServer> {
  const path = await provide(REDIS);
  const folder = await mkdtemp(join(tmpdir(), "lovage-redis-"));
  const args = await argsIn(folder);
  const server = new ServerProcess({
    path,
    args,
    cwd: folder,
    ready: () => redisAnswers(port),
    startMs: 20_000,
    stopMs: 5_000,
  });
  await server.start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    process: server,
    async [Symbol.asyncDispose]() {
      await server.kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
