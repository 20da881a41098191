/** One server for the kits of a test file, with the kit's proxy in between and everything that can go wrong. */

import { type BrokerHarness, type ProxyTarget, type TcpProxy, tcpProxy } from "@lovage/conformance";
import { type NatsServer, startNats } from "@lovage/services";
import type { NatsBrokerOptions } from "../src/index.ts";
import { natsBroker } from "../src/index.ts";
import { openLink } from "../src/nats-connect.ts";
import { settingsOf } from "../src/nats-options.ts";
import { type StreamInfo, Streams } from "../src/nats-streams.ts";

export const HEARTBEAT_MS = 1_000;

export type Access = Pick<NatsBrokerOptions, "servers" | "user" | "password">;

export interface Rig {
  readonly server: NatsServer;
  readonly proxy: TcpProxy;
  /** Past the proxy, as the only user that it lets in. */
  readonly direct: Access;
  /** Through it. */
  readonly proxied: Access;
  close(): Promise<void>;
}

export async function startRig(): Promise<Rig> {
  const [user, password] = ["worker", "right-pa55"];
  const server = await startNats(["--user", user, "--pass", password]);
  const target: ProxyTarget = { port: server.port };
  const proxy = await tcpProxy(target);
  return {
    server,
    proxy,
    direct: { servers: server.url, user, password },
    proxied: { servers: `nats://127.0.0.1:${proxy.port}`, user, password },
    async close() {
      await proxy.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A look at the server past the proxy. */
export async function withStreams<T>(access: Access, look: (streams: Streams) => Promise<T>): Promise<T> {
  const link = await openLink(settingsOf(access), new AbortController().signal, "test");
  try {
    return await look(new Streams(link));
  } finally {
    await link.close();
  }
}

export function brokerHarness(name: string, rig: Rig, options: NatsBrokerOptions = {}): BrokerHarness {
  const { namespace = "lovage" } = options;
  return {
    name,
    create: ({ operationTimeoutMs } = {}) =>
      natsBroker({
        ...rig.proxied,
        heartbeatMs: HEARTBEAT_MS,
        ...options,
        ...(operationTimeoutMs && { operationTimeoutMs }),
      }),
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
      fill: () => fill(rig.direct, namespace),
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

/** Every queue is as full as it is now. */
async function fill(access: Access, namespace: string): Promise<() => Promise<void>> {
  const limit = (most: (info: StreamInfo) => number): Promise<void> =>
    withStreams(access, async (streams) => {
      const names = (await streams.names(">")).filter((name) => name.startsWith(`${namespace}-q-`));
      for (const name of names) {
        const info = await streams.info(name);
        if (info !== undefined) await streams.update({ ...info.config, max_msgs: most(info) });
      }
    });
  await limit(({ state }) => Math.max(1, state.messages));
  return () => limit(() => -1);
}
