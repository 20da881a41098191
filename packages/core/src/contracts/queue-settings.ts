/** For adapters: what a declaration of a queue comes to, so that every broker refuses the same ones in the same words. */

import { DEFAULT_DEAD_RETENTION_MS, DEFAULT_LEASE_MS, DEFAULT_MAX_DEAD, type QueueDeclaration } from "./broker.ts";
import { ConfigurationError } from "./errors.ts";

export interface QueueSettings {
  readonly leaseMs: number;
  readonly maxDead: number;
  readonly deadRetentionMs: number;
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const MIN_LEASE_MS = 1_000;

/**
 * The settings of a queue after `declaration`: what it leaves out stays as it is in `present`, or has its default in a new queue.
 * Throws `ConfigurationError` for a bad name or setting.
 */
export function queueSettings(declaration: QueueDeclaration, present?: QueueSettings): QueueSettings {
  const { name } = declaration;
  if (!NAME.test(name)) {
    throw new ConfigurationError(`"${name}" cannot name a queue; use 1 to 128 characters of A–Z a–z 0–9 . _ -`, {
      subject: { queue: name },
    });
  }
  const check = (setting: keyof QueueSettings, least: number, fallback: number): number => {
    const value = declaration[setting] ?? present?.[setting] ?? fallback;
    if (Number.isFinite(value) && value >= least) return value;
    throw new ConfigurationError(`queue "${name}": ${setting} is ${value}; give a number of at least ${least}`, {
      subject: { queue: name, setting },
    });
  };
  return {
    leaseMs: check("leaseMs", MIN_LEASE_MS, DEFAULT_LEASE_MS),
    maxDead: check("maxDead", 0, DEFAULT_MAX_DEAD),
    deadRetentionMs: check("deadRetentionMs", 1, DEFAULT_DEAD_RETENTION_MS),
  };
}
