import { tcpProxy } from "@lovage/conformance";
import { startRedis } from "@lovage/services";
import { proxyFaults, strikeProxy } from "./proxied.ts";
import type { Rig, RigKind } from "./rig.ts";

/** A server with an append-only file, behind a proxy. Holders renew before anyone reaps, so no outage may make work run twice. */
export const redis: RigKind = {
  name: "redis",
  faults: [
    ...proxyFaults("lease"),
    {
      name: "restart",
      aims: "broker",
      forMs: [0, 6_000],
      excuses: false,
      does: "SIGKILL to the server, started again",
    },
    {
      name: "still",
      aims: "broker",
      forMs: [200, 6_000],
      excuses: false,
      does: "SIGSTOP to the server, SIGCONT later",
    },
  ],
  stopsAll: false,
  requeue: "atomic",
  async open(): Promise<Rig> {
    const server = await startRedis();
    const proxy = await tcpProxy({ port: server.port });
    return {
      url: `redis://127.0.0.1:${proxy.port}`,
      directUrl: server.url,
      async strike(fault): Promise<() => Promise<void>> {
        const ofProxy = strikeProxy(proxy, fault);
        if (ofProxy !== undefined) return ofProxy;
        if (fault === "still") {
          const thaw = server.process.freeze();
          return async () => thaw();
        }
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
