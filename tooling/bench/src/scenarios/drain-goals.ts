/** What emptying a queue is to reach, parts 2, 3 and 7 of docs/design/goals.md. */

import { atLeast, atMost, type Goal, shareOf, times } from "../report/goal.ts";

/** Of a case or a peer; `NaN` where it was not measured. */
export interface DrainFigures {
  perSecond(name: string): number;
  cpuUs(name: string): number;
}

const EVENT = ["event:50", "event:500"];
const ENOUGH = 60_000;

export function drainGoals(broker: string, figures: DrainFigures): Goal[] {
  const rate = (name: string): number => figures.perSecond(name);
  const over = (ours: string, theirs: string): number => rate(ours) / rate(theirs);
  const shares = (share: number, bare: number): Goal[] =>
    EVENT.map((name) => shareOf(name, share, bare, ENOUGH, rate(name)));
  const rates = EVENT.map((name) => shareOf(name, 0.5, Number.NaN, ENOUGH, rate(name)));
  switch (broker) {
    case "sqlite":
      return [...EVENT.map((name) => atLeast(`${name} ÷ plainjob`, 4, over(name, "plainjob"), times)), ...rates];
    case "redis":
      return [
        atLeast("event:50 ÷ BullMQ", 6, over("event:50", "BullMQ, 50 at once"), times),
        atLeast("event:500 ÷ BullMQ", 6, over("event:500", "BullMQ, 500 at once"), times),
        atLeast("thread:2 ÷ BullMQ", 4, over("thread:2", "BullMQ, 2 threads"), times),
        atLeast("process:2 ÷ BullMQ", 6, over("process:2", "BullMQ, 2 processes"), times),
        atMost(
          "CPU per task ÷ BullMQ, event:50",
          0.15,
          figures.cpuUs("event:50") / figures.cpuUs("BullMQ, 50 at once"),
          times,
        ),
        ...[1, 50, 500].map((slots) =>
          atLeast(`event:${slots} ÷ bee-queue`, 1, over(`event:${slots}`, `bee-queue, ${slots} at once`), times),
        ),
        ...rates,
      ];
    case "rabbitmq":
      return shares(0.5, rate("amqplib, 500 held"));
    case "nats":
      return shares(0.7, Math.max(rate("@nats-io, 100 held"), rate("@nats-io, 500 held")));
    default:
      return [];
  }
}
