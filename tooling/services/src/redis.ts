import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, provide } from "./binaries.ts";
import { freePort } from "./free-port.ts";
import { ServerProcess } from "./server-process.ts";

export const REDIS: Program = { command: "redis-server", debian: "redis-server", variable: "LOVAGE_TEST_REDIS" };

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly process: ServerProcess;
}

/** A server of one's own on loopback with an append-only file, gone with its folder when disposed of. `args` are further settings: `["--maxmemory", "10mb"]`. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const path = await provide(REDIS);
  const folder = await mkdtemp(join(tmpdir(), "lovage-redis-"));
  const port = await freePort();
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--save", ""];
  const server = new ServerProcess({
    path,
    args: [...settings, ...args],
    cwd: folder,
    ready: () => pong(port),
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

/** True once it answers as a server that has loaded its data does; one that asks for a password has, too. */
function pong(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const answer = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(1_000, () => answer(false));
    socket.on("error", () => answer(false));
    socket.once("data", (data) => answer(/^(\+PONG|-NOAUTH)/.test(data.toString())));
  });
}
