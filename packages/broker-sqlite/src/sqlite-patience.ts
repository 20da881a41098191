/** Waiting: with jitter, so that several processes that wait for one lock do not all come back at once, and until somebody says stop. */

/** Up to twice as long each time, anywhere between a fifth of it and all of it. In ms. */
export function backoff(attempt: number, most: number): number {
  return Math.min(most, 2 ** Math.min(attempt, 12)) * (0.2 + 0.8 * Math.random());
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Settles as `promise` does, unless `signal` aborts first. */
export function abortable(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
