/** When an executor has served long enough. */

import { durationMs } from "../app/duration.ts";
import { ConfigurationError } from "../contracts/errors.ts";
import type { RecycleOptions } from "../contracts/task.ts";

export interface RecycleRule {
  readonly tasks: number;
  readonly memory: number;
  readonly ageMs: number;
  readonly idleMs: number;
}

/** `Infinity` stands for never. */
export function recycleRule(options: RecycleOptions = {}): RecycleRule {
  return {
    tasks: atLeastOne(options.tasks, "recycle.tasks"),
    memory: atLeastOne(options.memory, "recycle.memory"),
    ageMs: options.age === undefined ? Number.POSITIVE_INFINITY : durationMs(options.age, "recycle.age"),
    idleMs: options.idle === undefined ? Number.POSITIVE_INFINITY : durationMs(options.idle, "recycle.idle"),
  };
}

export interface Service {
  readonly finished: number;
  readonly memoryBytes: number | undefined;
  readonly ageMs: number;
  /** 0 to 1, drawn once per executor: executors that started together do not retire together. */
  readonly jitter: number;
}

export function isDue(rule: RecycleRule, service: Service): boolean {
  return (
    service.finished >= rule.tasks ||
    (service.memoryBytes ?? 0) >= rule.memory ||
    service.ageMs >= rule.ageMs * (1 + 0.1 * service.jitter)
  );
}

function atLeastOne(value: number | undefined, option: string): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  if (Number.isFinite(value) && value >= 1) return value;
  throw new ConfigurationError(`${option} is ${value}; give a number of at least 1, or leave it out for never`, {
    subject: { option },
  });
}
