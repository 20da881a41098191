/** How the runner tells its producers and the workers' tasks about the run. */

export interface Surroundings {
  readonly ledger: string;
  readonly leaseMs: number;
}

/** As variables of a child's environment. */
export function environmentOf({ ledger, leaseMs }: Surroundings): Record<string, string> {
  return { CHAOS_LEDGER: ledger, CHAOS_LEASE_MS: String(leaseMs) };
}

/** In a child: what it was told. In the runner itself, which never appends through it, the defaults. */
export const CHAOS: Surroundings = {
  ledger: process.env.CHAOS_LEDGER ?? "",
  leaseMs: Number(process.env.CHAOS_LEASE_MS ?? 3_000),
};
