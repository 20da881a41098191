import type { ControlChannel, ControlReply, WorkerIdentity } from "@lovage/core/contracts";
import type { BrokerContext } from "../broker/context.ts";

/** Names that no other scenario uses: a control channel has no queues to keep scenarios apart. */
export function worker(c: BrokerContext): WorkerIdentity {
  return { id: c.name(), host: "conformance", pid: process.pid, startedAt: Date.now(), version: "0.0.0" };
}

export async function channel(c: BrokerContext): Promise<ControlChannel> {
  const { control } = await c.connect();
  if (control === undefined) throw new Error("the broker has no control channel");
  return control;
}

export async function collect(replies: AsyncIterable<ControlReply>): Promise<readonly ControlReply[]> {
  const all: ControlReply[] = [];
  for await (const reply of replies) all.push(reply);
  return all.sort((a, b) => (a.worker < b.worker ? -1 : 1));
}
