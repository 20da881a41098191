/** Those who wait for a result: what `ResultStore.wait` promises them is the same in every store. */

import { BrokerClosedError, type ResultRecord } from "../contracts/index.ts";

export class Followers {
  readonly #wakers = new Set<() => void>();
  #closed = false;

  /**
   * Yields what `watch` gives, only the latest where more came than were asked for, until one is final. Ends when `signal` aborts; throws
   * `BrokerClosedError` once this is closed, and what `watch` fails with. `watch` must give what is there already and everything from then on;
   * what it answers is called at the end.
   */
  async *follow(
    watch: (give: (record: ResultRecord) => void, fail: (error: Error) => void) => () => void,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ResultRecord, void, void> {
    let latest: ResultRecord | undefined;
    let wake = (): void => {};
    const rouse = (): void => wake();
    this.#wakers.add(rouse);
    signal?.addEventListener("abort", rouse);
    let failure: Error | undefined;
    const unwatch = watch(
      (record) => {
        latest = record;
        wake();
      },
      (error) => {
        failure = error;
        wake();
      },
    );
    try {
      for (;;) {
        if (this.#closed) throw new BrokerClosedError("the result store is closed; open a new one");
        if (signal?.aborted) return;
        const record: ResultRecord | undefined = latest;
        latest = undefined;
        if (record === undefined) {
          if (failure !== undefined) throw failure;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        yield record;
        if (record.final) return;
      }
    } finally {
      unwatch();
      signal?.removeEventListener("abort", rouse);
      this.#wakers.delete(rouse);
    }
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#closed = true;
    for (const wake of this.#wakers) wake();
  }
}
