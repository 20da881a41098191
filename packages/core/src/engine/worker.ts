/** A worker: the duties wired together, and its life from start to stop. */

import { brokerClient } from "../app/client.ts";
import {
  type BrokerEvent,
  type ClientPort,
  DEFAULT_LEASE_MS,
  type PoolContext,
  type PoolEvent,
  type WorkerIdentity,
} from "../contracts/index.ts";
import { cancelHeld } from "./cancel.ts";
import { checkConfiguration } from "./configuration.ts";
import { controlHandler } from "./control-handler.ts";
import { Dispatcher } from "./dispatcher.ts";
import { drained } from "./drained.ts";
import { workerIdentity } from "./identity.ts";
import { activeOf, reservedOf, statsOf } from "./inspect.ts";
import { Intake } from "./intake.ts";
import { Kernel } from "./kernel.ts";
import { PoolLane, QueueLane } from "./lanes.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { overdueWarnings } from "./overdue.ts";
import { takeProgress } from "./progress.ts";
import { Settler } from "./settle.ts";
import { Shutdown } from "./shutdown.ts";
import { TimeLimits } from "./time-limits.ts";
import { Upkeep } from "./upkeep.ts";
import { Watchdog } from "./watchdog.ts";
import type {
  ActiveTask,
  ReservedTask,
  StopReport,
  Worker,
  WorkerEvent,
  WorkerOptions,
  WorkerState,
  WorkerStats,
} from "./worker-types.ts";

const DEFAULT_GRACE_MS = 25_000;
const DEFAULT_MAX_STARTS = 3;
const DEFAULT_MAX_DELIVERIES = 20;

/** Checks the whole configuration and wires a worker; nothing is started yet. Throws `ConfigurationError` or `CapabilityMissingError`. */
export function createWorker(options: WorkerOptions): Worker {
  checkConfiguration(options);
  return new EngineWorker(options);
}

class EngineWorker implements Worker {
  readonly identity: WorkerIdentity;
  readonly #options: WorkerOptions;
  readonly #kernel: Kernel;
  readonly #dispatcher: Dispatcher;
  readonly #settler: Settler;
  readonly #intake: Intake;
  readonly #limits = new TimeLimits();
  readonly #keeper: LeaseKeeper;
  readonly #upkeep: Upkeep;
  readonly #watchdog: Watchdog;
  readonly #shutdown: Shutdown;
  readonly #client: ClientPort;
  readonly #unlisten: (() => void)[] = [];
  #connected = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.identity = workerIdentity(options.name, options.version);
    const lanes = new Map(
      Object.entries(options.pools).map(([name, { pool, buffer }]) => [
        name,
        new PoolLane(name, pool, buffer ?? "auto"),
      ]),
    );
    const queues = options.queues.map((queue) => {
      const leaseMs = queue.declaration?.leaseMs ?? DEFAULT_LEASE_MS;
      return new QueueLane(queue.name, lanes.get(queue.pool) as PoolLane, queue.weight ?? 1, leaseMs);
    });
    const kernel = new Kernel({
      app: options.app.definition,
      broker: options.broker,
      results: options.results,
      identity: this.identity,
      lanes: [...lanes.values()],
      queues,
      maxStarts: options.maxStarts ?? DEFAULT_MAX_STARTS,
      maxDeliveries: options.maxDeliveries ?? DEFAULT_MAX_DELIVERIES,
    });
    this.#kernel = kernel;
    this.#settler = new Settler({
      worker: this.identity.id,
      broker: options.broker,
      results: kernel.results,
      events: kernel.events,
      gone: (held, settlement) => {
        if (settlement === "lost" && held.lostAt === 0)
          kernel.events.task({ ...kernel.subject(held), type: "task-lost" });
        kernel.remove(held);
      },
      received: (queue, delivery) => this.#intake.receive(queue, [delivery]),
    });
    this.#dispatcher = new Dispatcher(kernel, this.#settler, this.#limits);
    this.#intake = new Intake(kernel, this.#dispatcher, this.#settler);
    this.#keeper = new LeaseKeeper(kernel.held, (held) => this.#dispatcher.lost(held), kernel.events);
    this.#upkeep = new Upkeep(kernel, this.#dispatcher);
    this.#watchdog = new Watchdog(kernel);
    this.#shutdown = new Shutdown(kernel, this.#dispatcher, options.results);
    this.#client = brokerClient(options.broker, options.results, options.app.definition);
  }

  get state(): WorkerState {
    return this.#kernel.state;
  }

  start(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#starting ??= this.#start(options.signal);
    return this.#starting;
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    const kernel = this.#kernel;
    const { broker, results, app } = this.#options;
    kernel.setState("starting");
    const how = signal === undefined ? {} : { signal };
    this.#unlisten.push(broker.onEvent((event) => this.#brokerEvent(event)));
    this.#unlisten.push(app.definition.attach(this.#client));
    try {
      const began = [
        broker.connect(how),
        ...(results === undefined ? [] : [results.connect(how)]),
        ...kernel.lanes.map((lane) => this.#startPool(lane)),
      ];
      // All are awaited even when one fails, so that nothing is left half-started behind the caller's back.
      const ended = await Promise.allSettled(began);
      for (const end of ended) if (end.status === "rejected") throw end.reason;
      this.#connected = true;
      this.#warn();
      await this.#consume();
      if (this.#stopping !== undefined) return;
      kernel.setState("running");
    } catch (error) {
      await this.stop({ graceMs: 0 });
      throw error;
    }
  }

  #warn(): void {
    const { app, broker, queues } = this.#options;
    const served = new Set(queues.map(({ name }) => name));
    for (const message of overdueWarnings(app.definition, served, broker.capabilities))
      this.#kernel.events.emit({ type: "warning", code: "overdue-limit", message });
  }

  #startPool(lane: PoolLane): Promise<void> {
    const kernel = this.#kernel;
    this.#unlisten.push(lane.pool.onEvent((event) => this.#poolEvent(lane, event)));
    const context: PoolContext = {
      name: lane.name,
      app: this.#options.app,
      worker: this.identity,
      client: this.#client,
      onProgress: (entries) => takeProgress(kernel, entries),
      onLog: (entries) => {
        for (const entry of entries) kernel.events.emit({ type: "task-log", entry });
      },
      stallMs: this.#options.stallMs ?? 1_000,
    };
    return lane.pool.start(context);
  }

  async #consume(): Promise<void> {
    const kernel = this.#kernel;
    const { broker, queues } = this.#options;
    await Promise.all(queues.map((queue) => broker.ensureQueue({ name: queue.name, ...queue.declaration })));
    await Promise.all(
      kernel.queues.map(async (queue) => {
        const options = { queue: queue.name, credit: 0, consumer: this.identity.id };
        queue.consumption = await broker.consume(options, (batch) => this.#intake.receive(queue, batch));
      }),
    );
    this.#watchdog.start();
    this.#keeper.start(Math.min(...kernel.queues.map((queue) => queue.leaseMs)));
    if (broker.control !== undefined) {
      kernel.events.forwardTo(broker.control);
      await broker.control.serve(this.identity, controlHandler(kernel, this));
    }
    this.#upkeep.start();
  }

  #poolEvent(lane: PoolLane, event: PoolEvent): void {
    this.#watchdog.observe(lane, event);
    if (event.type === "capacity-changed") {
      if (this.state === "running" || this.state === "quiet") this.#upkeep.shareCredit();
      this.#dispatcher.pump(lane);
    }
    this.#kernel.events.emit({ type: "pool", pool: lane.name, event });
  }

  #brokerEvent(event: BrokerEvent): void {
    if (event.type === "connected") this.#connected = true;
    if (event.type === "disconnected") this.#connected = false;
    if (event.type === "ownership-lost")
      for (const id of event.ids) {
        const held = this.#kernel.held.get(id);
        if (held !== undefined && held.queue.name === event.queue) this.#dispatcher.ownershipLost(held);
      }
    this.#kernel.events.emit({ type: "broker", event });
  }

  quiet(): void {
    if (this.state !== "running") return;
    this.#kernel.setState("quiet");
    this.#upkeep.quiet = true;
  }

  unquiet(): void {
    if (this.state !== "quiet") return;
    this.#kernel.setState("running");
    this.#upkeep.quiet = false;
  }

  stop(options: { readonly graceMs?: number } = {}): Promise<StopReport> {
    const graceMs = options.graceMs ?? this.#options.graceMs ?? DEFAULT_GRACE_MS;
    if (this.#stopping !== undefined) {
      this.#shutdown.hurry();
      return this.#stopping;
    }
    this.#kernel.setState("draining");
    this.#upkeep.stop();
    this.#stopping = this.#shutdown
      .run(graceMs, () => {
        this.#keeper.stop();
        this.#limits.close();
        this.#watchdog.stop();
      })
      .then((report) => {
        for (const unlisten of this.#unlisten) unlisten();
        this.#kernel.setState("stopped");
        return report;
      });
    return this.#stopping;
  }

  drained(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return drained(this.#kernel, options.signal);
  }

  stats(): WorkerStats {
    return statsOf(this.#kernel, this.#watchdog, this.#connected);
  }

  active(): readonly ActiveTask[] {
    return activeOf(this.#kernel);
  }

  reserved(): readonly ReservedTask[] {
    return reservedOf(this.#kernel);
  }

  cancel(id: string, options: { readonly reason?: string; readonly stop?: boolean } = {}): boolean {
    return cancelHeld(this.#kernel, this.#dispatcher, this.#settler, id, options);
  }

  onEvent(listener: (event: WorkerEvent) => void, options: { readonly routine?: boolean } = {}): () => void {
    return this.#kernel.events.listen(listener, options.routine ?? true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
