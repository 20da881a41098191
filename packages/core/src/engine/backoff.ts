/** The delay before the next attempt, as a pure function. */

import type { ResolvedTask } from "../contracts/index.ts";

/**
 * Exponential: `delay · factor^(attempt − 1)`, at most `maxDelay`; with full jitter a uniform share of it (AWS Architecture Blog,
 * "Exponential Backoff And Jitter", 2015). `attempt` is the one that failed, from 1; `random` is in [0, 1).
 */
export function backoffMs(
  policy: Pick<ResolvedTask, "retryDelayMs" | "retryFactor" | "retryMaxDelayMs" | "retryJitter">,
  attempt: number,
  random: number,
): number {
  const grown = policy.retryDelayMs * policy.retryFactor ** (attempt - 1);
  const capped = Math.min(Number.isFinite(grown) ? grown : policy.retryMaxDelayMs, policy.retryMaxDelayMs);
  return Math.round(policy.retryJitter === "full" ? capped * random : capped);
}
