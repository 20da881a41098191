/** What storing messages is to reach, parts 2 and 3 of docs/design/goals.md. */

import { atLeast, type Goal, times } from "../report/goal.ts";

const BULK = "bulk, 1,000 per call";
const LARGER_BULK = "bulk, 10,000 per call";
const CONCURRENT = "concurrently, 500 in flight";

/** `rate`: messages a second of a case or a peer; `NaN` where it was not measured. */
export function enqueueGoals(broker: string, rate: (name: string) => number): Goal[] {
  const over = (ours: string, theirs: string): number => rate(ours) / rate(theirs);
  const bare = (name: string): Goal[] =>
    [BULK, LARGER_BULK].map((bulk) =>
      atLeast(`${bulk} ÷ ${name}`, 0.7, over(bulk, `${name}, 1,000 unconfirmed`), times),
    );
  switch (broker) {
    case "redis":
      return [
        atLeast("in bulk ÷ BullMQ", 6, over(BULK, `BullMQ, ${BULK}`), times),
        atLeast("concurrently ÷ BullMQ", 3, over(CONCURRENT, `BullMQ, ${CONCURRENT}`), times),
        atLeast("in bulk ÷ bee-queue", 1, over(BULK, `bee-queue, ${BULK}`), times),
        atLeast("concurrently ÷ bee-queue", 1, over(CONCURRENT, `bee-queue, ${CONCURRENT}`), times),
        atLeast("one at a time ÷ bee-queue", 1, over("one at a time", "bee-queue, one at a time"), times),
      ];
    case "rabbitmq":
      return bare("amqplib");
    case "nats":
      return bare("@nats-io");
    default:
      return [];
  }
}
