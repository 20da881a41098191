/** Time as the memory broker and store see it, so that a test can move it by hand (`manualClock` of `@lovage/core/testing`). */
export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /**
   * Calls `run` once, not before `instant`, and never inside this call. While `keepAlive` the process does not end for want of other
   * work. Returns the function that calls it off.
   */
  at(instant: number, run: () => void, keepAlive: boolean): () => void;
}

/** `setTimeout` fires at once for anything longer than 2^31 ms, and does not notice that the wall clock was set: so it is asked anew every minute. */
const LONGEST_WAIT_MS = 60_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  at(instant, run, keepAlive) {
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      timer = setTimeout(check, Math.min(Math.max(instant - Date.now(), 0), LONGEST_WAIT_MS));
      if (!keepAlive) timer.unref();
    };
    const check = (): void => (Date.now() < instant ? wait() : run());
    wait();
    return () => clearTimeout(timer);
  },
};
