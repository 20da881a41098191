/** The two sides that meet in the engine: a queue that is consumed, and the pool that serves it. State only; duties act on it. */

import type { Consumption, Pool } from "../contracts/index.ts";
import { BufferGauge } from "./buffer.ts";
import { Fifo } from "./fifo.ts";
import type { Held } from "./held.ts";

export class PoolLane {
  readonly name: string;
  readonly pool: Pool;
  readonly queues: QueueLane[] = [];
  readonly waiting: Fifo<Held> = new Fifo();
  readonly gauge: BufferGauge;
  /** Deliveries that it may hold beyond its slots now. */
  buffer = 0;
  /** Slots promised to deliveries whose start is being recorded. */
  reserved = 0;
  running = 0;

  constructor(name: string, pool: Pool, buffer: number | "auto") {
    this.name = name;
    this.pool = pool;
    this.gauge = new BufferGauge(buffer);
  }

  get available(): number {
    return this.pool.free - this.reserved;
  }
}

export class QueueLane {
  readonly name: string;
  readonly pool: PoolLane;
  readonly weight: number;
  readonly leaseMs: number;
  consumption: Consumption | undefined = undefined;
  credit = 0;
  /** The queue filled its credit since credits were last shared out: it has more work than it may hand over. */
  hungry = false;
  /** Deliveries in the engine's table. */
  held = 0;

  constructor(name: string, pool: PoolLane, weight: number, leaseMs: number) {
    this.name = name;
    this.pool = pool;
    this.weight = weight;
    this.leaseMs = leaseMs;
    pool.queues.push(this);
  }
}
