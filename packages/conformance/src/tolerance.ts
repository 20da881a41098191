/**
 * How late this machine's timers are, so that bounds which belong to a promise are widened by the machine's own fault and by nothing
 * else. Measured once per run.
 */
export interface Tolerance {
  /** The latest timer seen, in ms. */
  readonly jitterMs: number;
  /** T of the invariants: 250 ms and a margin for the jitter. Added to every instant that a promise names. */
  readonly slackMs: number;
  /** How long to look for something that must not happen, where no later event rules it out. */
  readonly quietMs: number;
  /** How long to wait for something that must happen, where the promise names no time. */
  readonly patienceMs: number;
}

const PROBES = 30;
const PROBE_MS = 4;

const PATIENCE_MS = 10_000;

/** `patienceMs`: see {@link Tolerance.patienceMs}; default 10,000, to which the margin for this machine is added. */
export async function calibrate(patienceMs: number = PATIENCE_MS): Promise<Tolerance> {
  let jitterMs = 0;
  for (let probe = 0; probe < PROBES; probe += 1) {
    const startedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    jitterMs = Math.max(jitterMs, performance.now() - startedAt - PROBE_MS);
  }
  return {
    jitterMs,
    slackMs: 250 + 5 * jitterMs,
    quietMs: 150 + 2 * jitterMs,
    patienceMs: patienceMs + 20 * jitterMs,
  };
}
