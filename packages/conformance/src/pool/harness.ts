import type { Pool, RecycleOptions } from "@lovage/core/contracts";

export interface PoolSettings {
  readonly size?: number;
  /** Also where the pool does not recycle: it must refuse it. */
  readonly recycle?: RecycleOptions;
  /** Limit of an executor's heap, where it has one of its own. */
  readonly maxHeapMb?: number;
  /** How long an executor may take to import the app. */
  readonly importTimeoutMs?: number;
}

/** What the author of a pool gives the kit. */
export interface PoolHarness {
  readonly name: string;
  /** A new pool that has not been started. Settings that are left out have the pool's own defaults. */
  create(settings: PoolSettings): Pool;
  /** `one`: the pool has one slot, and every other size is refused. */
  readonly sizes: "any" | "one";
  /** Several runs may be aboard of one executor. */
  readonly shared: boolean;
  /** How long a scenario waits for what must happen where no promise names a time, in ms. Default 10,000. */
  readonly patienceMs?: number;
}

/** What scenarios are chosen by: the pool's own capabilities, and what the harness says of its shape. */
export type PoolFacts = Pool["capabilities"] & Pick<PoolHarness, "sizes" | "shared">;
