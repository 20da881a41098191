import { startRabbitMq } from "@lovage/services";
import { type Channel, type ChannelModel, connect } from "amqplib";
import { afterAll, expect, test } from "vitest";
import { Publisher } from "../src/publishing/rabbitmq-publisher.ts";
import { Journal } from "../src/queues/rabbitmq-journal.ts";
import { Layout } from "../src/queues/rabbitmq-topology.ts";

const server = await startRabbitMq();
afterAll(() => server[Symbol.asyncDispose]());

/** Those of a connection by which something is consumed. */
function consuming({ connection }: ChannelModel): Channel[] {
  const { channels } = connection as unknown as {
    channels: { channel: Channel & { consumers: Map<string, unknown> } }[];
  };
  return channels.flatMap((entry) => (entry?.channel.consumers?.size > 0 ? [entry.channel] : []));
}

test("a journal whose consumer the server ended, while the connection is well, is read on", async () => {
  const session = await connect(server.url);
  const layout = new Layout({ prefix: "lovage", queueType: "quorum", ackTimeoutMs: 86_400_000 });
  const publisher = new Publisher(100, () => {});
  await publisher.attach(session);
  const journal = new Journal({ publisher, layout, timeoutMs: 5_000, warn: () => {} });
  await journal.attach(session);
  await journal.revoke(["before"]);
  const [channel] = consuming(session) as [Channel];
  await channel.close();
  await journal.revoke(["after"]);
  expect([journal.isRevoked("before"), journal.isRevoked("after")]).toEqual([true, true]);
  journal.close();
  await publisher.close(1_000);
  await session.close();
});
