import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, provide } from "./binaries.ts";
import { freePorts } from "./free-port.ts";
import { ServerProcess } from "./server-process.ts";

export const NATS: Program = { command: "nats-server", debian: "nats-server", variable: "LOVAGE_TEST_NATS" };

export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Where it tells about itself over HTTP: `http://127.0.0.1:8222`. */
  readonly monitoringUrl: string;
  readonly process: ServerProcess;
  /** Where it keeps its data. */
  readonly folder: string;
}

export interface NatsCluster extends AsyncDisposable {
  readonly servers: readonly NatsServer[];
  /** All of them, separated by commas. */
  readonly url: string;
  /** The server of that name, as a stream's information gives its leader: `n1`. */
  named(name: string): NatsServer;
}

interface Placement {
  readonly path: string;
  readonly folder: string;
  readonly port: number;
  readonly monitoringPort: number;
  readonly args: readonly string[];
  /** Whether it can do the work of its cluster, not only answer. */
  readonly clustered: boolean;
}

export interface NatsPlace {
  /** The program. Default: the first `nats-server` of this machine. */
  readonly path?: string;
  /** Where it keeps its data, which may be there from before. It is gone when the server is disposed of. Default: a new one. */
  readonly folder?: string;
}

/** A server with JetStream of one's own on loopback; it keeps its data over restarts, and is gone with its folder when disposed of. `args` are further settings. */
export async function startNats(args: readonly string[] = [], at: NatsPlace = {}): Promise<NatsServer> {
  const path = at.path ?? (await provide(NATS));
  const folder = at.folder ?? (await mkdtemp(join(tmpdir(), "lovage-nats-")));
  const [port, monitoringPort] = (await freePorts(2)) as [number, number];
  const server = await place({ path, folder, port, monitoringPort, args, clustered: false });
  try {
    await server.process.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

/** Three servers that keep streams in three copies, ready when they have a leader. */
export async function startNatsCluster(args: readonly string[] = []): Promise<NatsCluster> {
  const path = await provide(NATS);
  const root = await mkdtemp(join(tmpdir(), "lovage-nats-cluster-"));
  const names = ["n1", "n2", "n3"];
  const ports = await freePorts(9);
  const routes = ports
    .slice(6)
    .map((port) => `nats://127.0.0.1:${port}`)
    .join(",");
  const servers = await Promise.all(
    names.map(async (name, index) => {
      const folder = join(root, name);
      await mkdir(folder);
      const cluster = ["--cluster_name", "lovage", "--cluster", `nats://127.0.0.1:${ports[index + 6]}`];
      return place({
        path,
        folder,
        port: ports[index] as number,
        monitoringPort: ports[index + 3] as number,
        args: ["--name", name, ...cluster, "--routes", routes, ...args],
        clustered: true,
      });
    }),
  );
  const dispose = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await Promise.all(servers.map((server) => server.process.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    servers,
    url: `nats://${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    named(name) {
      const server = servers[names.indexOf(name)];
      if (server === undefined) throw new Error(`no server is named ${name}`);
      return server;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function place({ path, folder, port, monitoringPort, args, clustered }: Placement): Promise<NatsServer> {
  const loopback = ["--addr", "127.0.0.1", "--port", `${port}`, "--http_port", `${monitoringPort}`];
  const monitoringUrl = `http://127.0.0.1:${monitoringPort}`;
  const process = new ServerProcess({
    path,
    args: [...loopback, "--jetstream", "--store_dir", folder, ...args],
    cwd: folder,
    ready: () => healthy(monitoringUrl, clustered),
    startMs: 30_000,
    stopMs: 10_000,
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    monitoringUrl,
    process,
    folder,
    async [Symbol.asyncDispose]() {
      await process.kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * True once it serves clients and JetStream has recovered what it had. A member of a cluster knows who leads; whether each of its copies has
 * caught up is not waited for: that takes the others.
 */
async function healthy(monitoringUrl: string, clustered: boolean): Promise<boolean> {
  if (!clustered) return (await fetch(`${monitoringUrl}/healthz`)).ok;
  const answer = await fetch(`${monitoringUrl}/jsz`);
  const { meta_cluster: meta } = (await answer.json()) as { meta_cluster?: { leader?: string } };
  return meta?.leader !== undefined && meta.leader !== "";
}
