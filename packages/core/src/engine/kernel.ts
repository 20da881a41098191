/** What the duties of one worker share. State and look-ups only; nothing here decides. */

import { RenewedMap } from "../collections/renewed-map.ts";
import type {
  AppDefinition,
  Broker,
  ResolvedTask,
  ResultStore,
  TaskEvent,
  WorkerIdentity,
} from "../contracts/index.ts";
import { EventStream } from "./events.ts";
import type { Held } from "./held.ts";
import type { PoolLane, QueueLane } from "./lanes.ts";
import { ResultWriter } from "./result-writer.ts";
import { Statistics } from "./statistics.ts";
import type { WorkerState } from "./worker-types.ts";

export interface KernelOptions {
  readonly app: AppDefinition;
  readonly broker: Broker;
  readonly results: ResultStore | undefined;
  readonly identity: WorkerIdentity;
  readonly lanes: readonly PoolLane[];
  readonly queues: readonly QueueLane[];
  readonly maxStarts: number;
  readonly maxDeliveries: number;
}

export class Kernel {
  readonly app: AppDefinition;
  readonly broker: Broker;
  readonly identity: WorkerIdentity;
  readonly lanes: readonly PoolLane[];
  readonly queues: readonly QueueLane[];
  readonly maxStarts: number;
  readonly maxDeliveries: number;
  /** Everything this worker owns, by message id. */
  readonly held: RenewedMap<string, Held> = new RenewedMap();
  readonly events: EventStream = new EventStream();
  readonly statistics: Statistics = new Statistics();
  readonly results: ResultWriter | undefined;
  /** Results are sent to callers that wait at an address. */
  readonly repliesServed: boolean;
  state: WorkerState = "new";
  #emptyWaiters: (() => void)[] = [];
  readonly #policies = new Map<string, ResolvedTask>();

  constructor(options: KernelOptions) {
    this.app = options.app;
    this.broker = options.broker;
    this.identity = options.identity;
    this.lanes = options.lanes;
    this.queues = options.queues;
    this.maxStarts = options.maxStarts;
    this.maxDeliveries = options.maxDeliveries;
    this.repliesServed = options.results?.capabilities.keptFor === "caller";
    this.results = options.results === undefined ? undefined : new ResultWriter(options.results, this.events);
  }

  /** Options of a registered task, by name or alias. */
  policy(task: string): ResolvedTask | undefined {
    let policy = this.#policies.get(task);
    if (policy === undefined) {
      const definition = this.app.tasks.get(task);
      if (definition === undefined) return undefined;
      policy = this.app.resolve(definition.name);
      this.#policies.set(task, policy);
    }
    return policy;
  }

  /** Out of the table. Wakes whoever waits for it to be empty. */
  remove(held: Held): void {
    if (this.held.get(held.id) !== held) return;
    this.held.delete(held.id);
    held.queue.held--;
    if (this.held.size > 0 || this.#emptyWaiters.length === 0) return;
    const waiters = this.#emptyWaiters;
    this.#emptyWaiters = [];
    for (const wake of waiters) wake();
  }

  /** Resolves when nothing is held. */
  whenEmpty(): Promise<void> {
    if (this.held.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptyWaiters.push(resolve));
  }

  setState(state: WorkerState): void {
    this.state = state;
    this.events.emit({ type: "worker-state-changed", state });
  }

  /** The fields that every task event has. */
  subject(held: Held): Pick<TaskEvent, "at" | "worker" | "id" | "task" | "queue" | "attempt"> {
    return {
      at: performance.timeOrigin + performance.now(),
      worker: this.identity.id,
      id: held.id,
      task: held.policy.name,
      queue: held.queue.name,
      attempt: held.attempt,
    };
  }
}
