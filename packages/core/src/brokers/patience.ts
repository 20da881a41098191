/** Waiting: with jitter, so that several processes that wait for one server do not all come back at once, and until somebody says stop. */

import { BrokerUnavailableError } from "../contracts/index.ts";

/**
 * For the `attempt`-th wait, from 1: anywhere between a half and all of `firstMs` doubled each time, at most `mostMs`. The default lets
 * work go on within a second of the server's return (I-50); to ask twice a second costs neither side anything.
 */
export function backoff(attempt: number, firstMs = 50, mostMs = 500): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 20)) * (0.5 + 0.5 * Math.random());
}

/** Settles as `promise` does, unless `signal` aborts first: then it rejects with the signal's reason. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Settles as `promise` does, or after `ms` rejects with `BrokerUnavailableError`: `what` is for people (`depth of queue "mail"`). */
export function withinDeadline<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new BrokerUnavailableError(`${what}: no answer within ${ms} ms; is the server reachable?`));
    }, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(late));
  });
}

/** Resolves when `promise` has settled in whatever way, or after `ms`. Never rejects. */
export function atMost(promise: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, ms);
    const done = (): void => {
      clearTimeout(late);
      resolve();
    };
    promise.then(done, done);
  });
}
