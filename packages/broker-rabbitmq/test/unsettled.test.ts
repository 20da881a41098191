import { startRabbitMq } from "@lovage/services";
import { connect } from "amqplib";
import { expect, it } from "vitest";
import { type Tag, Unsettled } from "../src/consuming/rabbitmq-unsettled.ts";

const MESSAGES = 200;

it("asks one question at a time about what was settled, and answers each ack when the server has handled it", async () => {
  await using server = await startRabbitMq();
  const connection = await connect(server.url);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue("", { durable: true });
  for (let count = 0; count < MESSAGES; count += 1) channel.sendToQueue(queue, Buffer.from("x"));
  const unsettled = new Unsettled(channel);
  const tags: Tag[] = [];
  await new Promise<void>((resolve) => {
    void channel.consume(queue, (message) => {
      if (message === null) return;
      const tag = { number: message.fields.deliveryTag, copy: "", settled: () => {} };
      tags.push(tag);
      unsettled.add(tag);
      if (tags.length === MESSAGES) resolve();
    });
  });
  let asked = 0;
  let underWay = 0;
  const prefetch = channel.prefetch.bind(channel);
  channel.prefetch = async (count, global) => {
    asked += 1;
    underWay += 1;
    expect(underWay).toBe(1);
    const answer = await prefetch(count, global);
    underWay -= 1;
    return answer;
  };
  // One or two in each turn of the event loop, as a worker of few slots settles.
  const answers: Promise<boolean>[] = [];
  for (const tag of tags) {
    unsettled.ack(tag);
    answers.push(unsettled.handled());
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  expect(asked).toBeLessThan(MESSAGES);
  expect(unsettled.doubtful).toEqual([]);
  await connection.close();
});
