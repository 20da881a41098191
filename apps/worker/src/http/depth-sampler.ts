import type { QueueAdmin, QueueDepth } from "@lovage/core/contracts";

export interface DepthSample {
  readonly depth: QueueDepth;
  readonly oldestReadyMs: number | undefined;
}

const FRESH_MS = 5_000;

/**
 * Depths of the worker's queues, asked of the broker at most every 5 s however often metrics are scraped. A broker that does not answer
 * leaves the last sample in place; `sampledAt` tells its age.
 */
export class DepthSampler {
  readonly #broker: QueueAdmin;
  readonly #queues: readonly string[];
  readonly #now: () => number;
  #samples: ReadonlyMap<string, DepthSample> = new Map();
  #sampledAt: number | undefined;
  #running: Promise<void> | undefined;

  constructor(broker: QueueAdmin, queues: readonly string[], now: () => number = Date.now) {
    this.#broker = broker;
    this.#queues = queues;
    this.#now = now;
  }

  get sampledAt(): number | undefined {
    return this.#sampledAt;
  }

  /** The samples, at most 5 s old where the broker answers within `waitMs`. */
  async read(waitMs = 500): Promise<ReadonlyMap<string, DepthSample>> {
    const stale = this.#sampledAt === undefined || this.#now() - this.#sampledAt >= FRESH_MS;
    if (stale) {
      this.#running ??= this.#sample().finally(() => {
        this.#running = undefined;
      });
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, waitMs);
      });
      // A sample that fails is seen as its age.
      await Promise.race([this.#running.catch(() => undefined), patience]);
      clearTimeout(timer);
    }
    return this.#samples;
  }

  async #sample(): Promise<void> {
    const entries = await Promise.all(
      this.#queues.map(async (queue): Promise<[string, DepthSample]> => {
        const [depth, oldestReadyMs] = await Promise.all([
          this.#broker.depth(queue),
          this.#broker.oldestReadyAge(queue),
        ]);
        return [queue, { depth, oldestReadyMs }];
      }),
    );
    this.#samples = new Map(entries);
    this.#sampledAt = this.#now();
  }
}
