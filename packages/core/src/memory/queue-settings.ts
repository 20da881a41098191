import {
  ConfigurationError,
  DEFAULT_DEAD_RETENTION_MS,
  DEFAULT_LEASE_MS,
  DEFAULT_MAX_DEAD,
  type QueueDeclaration,
} from "../contracts/index.ts";

export interface QueueSettings {
  readonly leaseMs: number;
  readonly maxDead: number;
  readonly deadRetentionMs: number;
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const MIN_LEASE_MS = 1_000;

/** The settings after `declaration`: what it does not mention stays as it was. Throws `ConfigurationError` for what cannot work. */
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
