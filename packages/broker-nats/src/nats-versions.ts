/** What a server of a version can do. Only a first sieve: what it did with a setting is read from what it returns. */

export interface Features {
  /** The server itself publishes a message when it is due. */
  readonly schedules: boolean;
  /** It may give out a message twice when what it has to deliver again meets only dead pulls. */
  readonly stepsBack: boolean;
  /** When it is killed it may lose that a message was removed, or that it was acknowledged, although it has said so. */
  readonly forgetsRemovals: boolean;
}

/** The oldest that has everything without which nothing here works: confirmed acks of any kind, republishing of what was stored. */
export const OLDEST: Version = { major: 2, minor: 9, patch: 0 };
/** Consumers that stall and ghosts of consumers were mended here. */
export const OLDEST_ADVISED: Version = { major: 2, minor: 10, patch: 23 };

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** `2.12.1-beta.2` is 2.12.1. Undefined for what is no version. */
export function parseVersion(text: string): Version | undefined {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? [];
  if (patch === undefined) return undefined;
  return { major: Number(major), minor: Number(minor), patch: Number(patch) };
}

export function atLeastVersion(version: Version, least: Version): boolean {
  if (version.major !== least.major) return version.major > least.major;
  if (version.minor !== least.minor) return version.minor > least.minor;
  return version.patch >= least.patch;
}

export function featuresOf(version: Version): Features {
  return {
    schedules: atLeastVersion(version, { major: 2, minor: 12, patch: 0 }),
    stepsBack: !atLeastVersion(version, { major: 2, minor: 10, patch: 15 }),
    forgetsRemovals: !atLeastVersion(version, { major: 2, minor: 10, patch: 0 }),
  };
}
