/**
 * Delay without a plugin, by a ladder of queues. Level n holds a message for 2ⁿ units and passes it to level n - 1; the delay's bits, most
 * significant first, are the first words of the routing key and say at which levels it stops:
 *
 *     1.2 s = 12 units = …1100      0.….0.1.1.0.0.mail
 *
 *     delay:03 ──bit 1──▶ queue, 800 ms ──▶ delay:02 ──bit 1──▶ queue, 400 ms ──▶ delay:01 ──bit 0──▶ delay:00 ──bit 0──▶ due ──▶ queue mail
 *
 * Each queue has one time to live, so nothing waits behind something that is due later.
 */

import type { Channel } from "amqplib";
import { type Layout, signed } from "../queues/rabbitmq-topology.ts";

export const UNIT_MS = 100;
export const LEVELS = 32;
/** A server that counts milliseconds may be up to one early. */
const MARGIN_MS = 2;

export interface Step {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Where a message goes that is due in `delayMs`, in the band at `rung`: in units, rounded up, so that it is never early. */
export function firstStep(layout: Layout, queue: string, delayMs: number, rung = 0): Step {
  const units = Math.max(1, Math.ceil((delayMs + MARGIN_MS) / UNIT_MS));
  const bits = units.toString(2);
  const routingKey = `${[...bits.padStart(LEVELS, "0")].join(".")}.${lastWord(queue, rung)}`;
  return { exchange: layout.level(bits.length - 1), routingKey };
}

/** By which key the ladder's end finds a band of a queue. A name with dots would be many words, and match the end of others. */
export function duePattern(queue: string, rung = 0): string {
  return `#.${lastWord(queue, rung)}`;
}

/** Safe to ask again, and by many at once. Targets first: what is passed on to nowhere is gone without a word. */
export async function raiseLadder(channel: Channel, layout: Layout): Promise<void> {
  await channel.assertExchange(layout.due, "topic", { durable: true });
  const levels = Array.from({ length: LEVELS }, (_, level) => level);
  await Promise.all(levels.map((level) => channel.assertExchange(layout.level(level), "topic", { durable: true })));
  await Promise.all(
    levels.flatMap((level) => {
      const name = layout.level(level);
      const next = level === 0 ? layout.due : layout.level(level - 1);
      const before = "*.".repeat(LEVELS - 1 - level);
      return [
        channel.bindExchange(next, name, `${before}0.#`),
        channel.assertQueue(name, layout.levelArguments(2 ** level * UNIT_MS, next)),
        channel.bindQueue(name, name, `${before}1.#`),
      ];
    }),
  );
}

function lastWord(queue: string, rung: number): string {
  const word = queue.replaceAll(".", ":");
  return rung === 0 ? word : `${word}/${signed(rung)}`;
}
