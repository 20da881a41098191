/** Consumes with amqplib and acknowledges up to a message, every half window, as a process of its own. */

import { type ConsumeMessage, connect } from "amqplib";
import { type BareOrder, enqueuedAt } from "./bare.ts";
import { QUEUE } from "./bare-amqplib.ts";
import { began, ended, orderOf, ready } from "./peer-worker.ts";

const { url, window, idle, jobs } = orderOf<BareOrder>();
const ackEvery = idle ? 1 : window / 2;
const connection = await connect(url, { noDelay: true });
const channel = await connection.createChannel();
await channel.prefetch(window);
ready();
let taken = 0;
await channel.consume(QUEUE, (message) => {
  const { content } = message as ConsumeMessage;
  began(idle ? enqueuedAt(content) : undefined);
  taken += 1;
  if (taken % ackEvery === 0 || taken === jobs) channel.ack(message as ConsumeMessage, true);
  ended();
});
