import { ConfigurationError } from "@lovage/core/contracts";
import { parseWholeNumber } from "./whole-number.ts";

/** What a person asked of one queue: which pool serves it and its share when the pool is contended. */
export interface QueueFlag {
  readonly name: string;
  readonly pool?: string;
  readonly weight?: number;
}

const QUEUE = /^[A-Za-z0-9._-]{1,128}$/;

function parseQueue(text: string, whole: string): { name: string; weight?: number } {
  const [name = "", weight] = text.split("=", 2).map((side) => side.trim());
  if (!QUEUE.test(name)) {
    throw new ConfigurationError(
      `-Q "${whole}": "${name}" is not a queue name (1 to 128 of A-Z a-z 0-9 . _ -); write pool:queue,queue, for example io:emails,webhooks=3`,
    );
  }
  return weight === undefined ? { name } : { name, weight: parseWholeNumber(weight, `-Q ${name}`, { min: 1 }) };
}

/** `pool:queue,queue=weight`; without a pool, the queues keep the pool that the app gives them. Repeated flags add up; a queue named twice is refused. */
export function parseQueueFlags(texts: readonly string[]): readonly QueueFlag[] {
  const flags = new Map<string, QueueFlag>();
  for (const text of texts) {
    const colon = text.indexOf(":");
    const pool = colon === -1 ? undefined : text.slice(0, colon).trim();
    if (pool === "") {
      throw new ConfigurationError(`-Q "${text}": the pool's name is missing before the colon; write io:emails`);
    }
    for (const part of text.slice(colon + 1).split(",")) {
      const queue = parseQueue(part, text);
      if (flags.has(queue.name)) {
        throw new ConfigurationError(`-Q: queue "${queue.name}" is named twice; a queue is served by one pool`);
      }
      flags.set(queue.name, { ...queue, ...(pool === undefined ? {} : { pool }) });
    }
  }
  return [...flags.values()];
}
