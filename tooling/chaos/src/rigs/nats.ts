import { tcpProxy } from "@lovage/conformance";
import { startNats } from "@lovage/services";
import { proxyFaults, strikeProxy } from "./proxied.ts";
import type { Rig, RigKind } from "./rig.ts";

/**
 * A server with JetStream that keeps what it has over a kill, behind the kit's proxy. Its clock ends leases and asks nobody: whoever could not
 * reach it for longer than a lease loses what it held, although it lives, and nothing at the server lets it renew before others take over.
 * So each of these faults may make work run again.
 */
export const nats: RigKind = {
  name: "nats",
  faults: [
    {
      name: "restart",
      aims: "broker",
      forMs: [0, 3_000],
      excuses: true,
      does: "the server is killed, and started again with what it had",
    },
    ...proxyFaults("connection"),
  ],
  stopsAll: false,
  async open(): Promise<Rig> {
    const server = await startNats();
    const proxy = await tcpProxy({ port: server.port });
    return {
      // Silence is noticed sooner than by default, so that a run has time for more.
      url: `nats://127.0.0.1:${proxy.port}?heartbeatMs=2000`,
      directUrl: server.url,
      async strike(fault) {
        const link = strikeProxy(proxy, fault);
        if (link !== undefined) return link;
        await server.process.kill();
        return () => server.process.start();
      },
      async [Symbol.asyncDispose](): Promise<void> {
        await proxy.close();
        await server[Symbol.asyncDispose]();
      },
    };
  },
};
