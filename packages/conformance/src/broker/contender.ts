/** A process of its own that competes for a queue; started by {@link startContender}, which tells it what to do. */

import { randomUUID } from "node:crypto";
import type { Broker, OutgoingMessage } from "@lovage/core/contracts";
import type { ContenderJob, ContenderWord } from "./contender-protocol.ts";

const job = JSON.parse(process.argv[2] ?? "null") as ContenderJob;

/** Ids are said in the order of what happened: what was said before a kill did happen. */
function say(word: ContenderWord): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(word, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

const messages = (count: number): OutgoingMessage[] =>
  Array.from({ length: count }, () => ({
    id: randomUUID(),
    queue: job.queue,
    headers: { task: "conformance" },
    body: "[[]]",
    priority: 5,
  }));

async function drain(broker: Broker): Promise<void> {
  const settling = new Set<Promise<unknown>>();
  const consumption = await broker.consume({ queue: job.queue, credit: job.credit }, (batch) => {
    // Said before it is acked: what a killed process has done and nobody has heard of would count as lost.
    const said = say({ type: "delivered", ids: batch.map(({ message }) => message.id) });
    for (const delivery of batch) {
      const settled = said.then(async () => {
        if ((await delivery.ack()) === "done") await say({ type: "acked", ids: [delivery.message.id] });
      });
      settling.add(settled);
      void settled.finally(() => settling.delete(settled));
    }
  });
  await say({ type: "ready" });
  await new Promise((resolve) => process.once("message", resolve));
  await consumption.stop();
  await Promise.all(settling);
  await broker.close();
}

async function hold(broker: Broker): Promise<void> {
  await broker.consume({ queue: job.queue, credit: job.credit }, (batch) => {
    void say({ type: "delivered", ids: batch.map(({ message }) => message.id) });
  });
  await say({ type: "ready" });
}

async function publish(broker: Broker): Promise<void> {
  for (;;) {
    const outcomes = await broker.publish(messages(20));
    await say({
      type: "accepted",
      ids: outcomes.flatMap(({ id, status }) => (status === "accepted" ? [id] : [])),
    });
  }
}

async function leave(broker: Broker): Promise<void> {
  await broker.publish(messages(3));
  await new Promise<void>((resolve) => {
    void broker.consume({ queue: job.queue, credit: job.credit }, ([delivery]) =>
      resolve(delivery?.ack().then(() => {})),
    );
  });
  await broker.close();
}

const { createBroker } = (await import(job.module)) as { createBroker(...args: string[]): Broker | Promise<Broker> };
const broker = await createBroker(...job.args);
await broker.connect();
await { drain, hold, publish, leave }[job.role](broker);
if (job.role === "drain" || job.role === "leave") {
  await say({ type: "closed" });
  // From here nothing of ours keeps the process alive: if it stays, the broker does.
  process.disconnect?.();
}
