import type { ResultStore } from "@lovage/core/contracts";

/** What the author of a result store gives the kit. */
export interface ResultStoreHarness {
  readonly name: string;
  /** A new connection to the same store, not yet connected. Scenarios close what they asked for. */
  create(): ResultStore | Promise<ResultStore>;
  /** How late an expiry may be, in ms. Default 1,000. */
  readonly expiryResolutionMs?: number;
  /** How long a scenario waits for what must happen where no promise names a time, in ms. Default 10,000. */
  readonly patienceMs?: number;
  /** After the run. */
  close?(): Promise<void>;
}
