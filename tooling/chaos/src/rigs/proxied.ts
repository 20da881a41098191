/** For rigs of brokers behind a network: the faults of the kit's proxy, which stands between the server and everybody else. */

import type { TcpProxy } from "@lovage/conformance";
import type { RigFault } from "./rig.ts";

type ProxyFault = keyof TcpProxy["faults"];

const FAULTS: readonly (Pick<RigFault, "forMs" | "does"> & { readonly name: ProxyFault })[] = [
  { name: "freeze", forMs: [200, 4_500], does: "nothing passes in either direction, and nobody is told" },
  { name: "dropReplies", forMs: [100, 2_000], does: "requests arrive, answers are lost, then links are cut" },
  { name: "reset", forMs: [0, 0], does: "every connection is cut" },
  { name: "refuse", forMs: [200, 5_000], does: "the server is not there" },
  { name: "halfOpen", forMs: [1_000, 8_000], does: "connections go silent for good, new ones work" },
];

/** For `RigKind.faults`. Where ownership is the connection's, each of them may make living workers' work run again. */
export function proxyFaults(ownership: "lease" | "connection"): readonly RigFault[] {
  return FAULTS.map((fault) => ({ ...fault, aims: "broker", excuses: ownership === "connection" }));
}

/** For `Rig.strike`: undefined when it is none of the proxy's faults. */
export function strikeProxy(proxy: TcpProxy, fault: string): Promise<() => Promise<void>> | undefined {
  if (!FAULTS.some(({ name }) => name === fault)) return undefined;
  return proxy.faults[fault as ProxyFault]().then((end) => end ?? (async () => {}));
}
