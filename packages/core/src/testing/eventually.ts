const DEFAULT_TIMEOUT_MS = 5_000;
const LOOK_EVERY_MS = 5;

/**
 * Looks until `probe` gives something other than undefined, null or false, and resolves with that. For conditions that announce
 * themselves by no event; rejects after `timeoutMs` (default 5,000), naming `what` it waited for.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  options: { readonly timeoutMs?: number } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const until = performance.now() + timeoutMs;
  for (;;) {
    const seen = await probe();
    if (seen !== undefined && seen !== null && seen !== false) return seen as Exclude<T, undefined | null | false>;
    if (performance.now() >= until) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
