/** One server for the kits of a test file, with the kit's proxy in between and everything that can go wrong. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrokerHarness, type ProxyTarget, type TcpProxy, tcpProxy } from "@lovage/conformance";
import { eventually } from "@lovage/core/testing";
import { type NatsServer, startNats } from "@lovage/services";
import { openLink } from "../src/connection/nats-connect.ts";
import type { NatsLink } from "../src/connection/nats-link.ts";
import type { NatsBrokerOptions } from "../src/index.ts";
import { natsBroker } from "../src/index.ts";
import { settingsOf } from "../src/nats-options.ts";
import { type StreamInfo, Streams } from "../src/queues/nats-streams.ts";

export const HEARTBEAT_MS = 1_000;

export type Access = Pick<NatsBrokerOptions, "servers" | "user" | "password">;

export interface Rig {
  readonly server: NatsServer;
  readonly proxy: TcpProxy;
  /** Past the proxy, as the only user that it lets in. */
  readonly direct: Access;
  /** Through it. */
  readonly proxied: Access;
  /** The most that all of us may store, in bytes; -1 for no limit. From 2.11 on also while the server runs. */
  limit(bytes: number): Promise<void>;
  close(): Promise<void>;
}

export async function startRig(): Promise<Rig> {
  const [user, password] = ["worker", "right-pa55"];
  const folder = await mkdtemp(join(tmpdir(), "lovage-nats-rig-"));
  const config = join(folder, "server.conf");
  const configure = (bytes: number): Promise<void> =>
    writeFile(
      config,
      `jetstream {}
      accounts { app: { jetstream: { max_file: ${bytes} }, users: [ { user: ${user}, password: ${password} } ] } }`,
    );
  await configure(-1);
  const server = await startNats(["-c", config]);
  const direct = { servers: server.url, user, password };
  const target: ProxyTarget = { port: server.port };
  const proxy = await tcpProxy(target);
  return {
    server,
    proxy,
    direct,
    proxied: { servers: `nats://127.0.0.1:${proxy.port}`, user, password },
    async limit(bytes) {
      // Connected before: while a server reads its settings anew it may know no user.
      await withLink(direct, async (link) => {
        await configure(bytes);
        process.kill(server.process.pid, "SIGHUP");
        await eventually("the limit to be heard", async () => (await accountOf(link)).limits.max_storage === bytes);
      });
    },
    async close() {
      await proxy.close();
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** A look at the server past the proxy. */
export async function withStreams<T>(access: Access, look: (streams: Streams) => Promise<T>): Promise<T> {
  return withLink(access, (link) => look(new Streams(link)));
}

export async function withLink<T>(access: Access, look: (link: NatsLink) => Promise<T>): Promise<T> {
  const link = await openLink(settingsOf(access), new AbortController().signal, "test");
  try {
    return await look(link);
  } finally {
    await link.close();
  }
}

interface Account {
  /** Bytes. */
  readonly storage: number;
  readonly limits: { readonly max_storage: number };
}

function accountOf(link: NatsLink): Promise<Account> {
  return link.api<Account>("INFO");
}

export function brokerHarness(name: string, rig: Rig, options: NatsBrokerOptions = {}): BrokerHarness {
  const { namespace = "lovage" } = options;
  return {
    name,
    create: ({ operationTimeoutMs, clockOffsetMs = 0 } = {}) =>
      natsBroker({
        ...rig.proxied,
        heartbeatMs: HEARTBEAT_MS,
        ...options,
        now: () => Date.now() + clockOffsetMs,
        ...(operationTimeoutMs && { operationTimeoutMs }),
      }),
    skewable: true,
    heartbeatMs: HEARTBEAT_MS,
    spawnable: {
      module: new URL("./make-broker.ts", import.meta.url),
      args: [JSON.stringify({ ...rig.direct, namespace })],
    },
    locked: {
      create: () => natsBroker({ ...rig.proxied, password: "wr0ng-s3cr3t", namespace }),
      secret: "wr0ng-s3cr3t",
    },
    connections: () => rig.proxy.links,
    faults: {
      ...rig.proxy.faults,
      restart: () => rig.server.process.restart(),
      fill: () => fill(rig, namespace),
    },
    leftovers: () => leftovers(rig.direct, namespace),
  };
}

/** Streams, consumers, and how much is in each; what is kept for a day, and who is there at the moment, is not of a queue. */
async function leftovers(access: Access, namespace: string): Promise<readonly string[]> {
  return withStreams(access, async (streams) => {
    const names = (await streams.names(">")).filter(
      (name) => name.startsWith(`${namespace}-`) || name === `KV_${namespace}-queues`,
    );
    const infos = await Promise.all(names.map((name) => streams.info(name)));
    return infos.flatMap((info) => (info === undefined ? [] : contents(info)));
  });
}

function contents({ config, state }: StreamInfo): readonly string[] {
  const { messages, consumer_count: consumers } = state;
  const bucket = config.name.startsWith("KV_");
  return [
    ...(bucket ? [] : [config.name]),
    ...Array.from({ length: messages }, (_, index) => `${config.name} message ${index}`),
    ...Array.from({ length: consumers }, (_, index) => `${config.name} consumer ${index}`),
  ];
}

/** Every queue is as full as it is now: each by itself where it has limits, else all together. */
async function fill(rig: Rig, namespace: string): Promise<() => Promise<void>> {
  const infos = await withStreams(rig.direct, async (streams) => {
    const names = (await streams.names(">")).filter((name) => name.startsWith(`${namespace}-q-`));
    return Promise.all(names.map(async (name) => (await streams.info(name)) as StreamInfo));
  });
  if (infos.some(({ config }) => config.allow_msg_schedules)) {
    await rig.limit(Math.max(1, (await withLink(rig.direct, accountOf)).storage));
    return () => rig.limit(-1);
  }
  const limit = (most: (info: StreamInfo) => number): Promise<void> =>
    withStreams(rig.direct, async (streams) => {
      for (const info of infos) await streams.update({ ...info.config, max_msgs: most(info) });
    });
  await limit(({ state }) => Math.max(1, state.messages));
  return () => limit(() => -1);
}
