/**
 * The one way a worker ends: stop intake → release what has not begun → wait → abort → give back, then kill → close pools, results,
 * broker. Each phase has a deadline and an event. Work is given back before its executor is killed, so that dying in between
 * costs a duplicate at worst and never the message.
 */

import type { ResultStore } from "../contracts/index.ts";
import { within } from "./deadline.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Held } from "./held.ts";
import type { Kernel } from "./kernel.ts";
import type { StopPhase, StopReport } from "./worker-types.ts";

const STOP_INTAKE_MS = 5_000;
const SETTLE_MS = 5_000;
const CLOSE_MS = 10_000;
/** Share of the grace after which running tasks are told to end. */
const ABORT_AT = 0.8;

export class Shutdown {
  readonly #kernel: Kernel;
  readonly #dispatcher: Dispatcher;
  readonly #results: ResultStore | undefined;
  #hurry: () => void = () => {};
  readonly #hurried: Promise<void> = new Promise((resolve) => {
    this.#hurry = resolve;
  });
  #impatient = false;

  constructor(kernel: Kernel, dispatcher: Dispatcher, results: ResultStore | undefined) {
    this.#kernel = kernel;
    this.#dispatcher = dispatcher;
    this.#results = results;
  }

  /** No more waiting: give back now. */
  hurry(): void {
    this.#impatient = true;
    this.#hurry();
  }

  async run(graceMs: number, stopDuties: () => void): Promise<StopReport> {
    const kernel = this.#kernel;
    const began = performance.now();
    const left = (share: number) => (this.#impatient ? 0 : Math.max(0, began + graceMs * share - performance.now()));

    const intakeStopped = await this.#try("stop intake", this.#stopIntake(), STOP_INTAKE_MS);
    this.#phase("intake-stopped");

    const unstarted = [...kernel.held.values()].filter((held) => held.state === "waiting");
    for (const held of unstarted) this.#dispatcher.release(held, "shutdown");
    this.#phase("unstarted-released");

    this.#phase("waiting");
    if (!(await this.#idleWithin(left(ABORT_AT)))) {
      this.#phase("aborting");
      for (const held of this.#running()) {
        held.aborted ??= "shutdown";
        held.execution?.abort("shutdown");
      }
      await this.#idleWithin(left(1));
    }

    this.#phase("giving-back");
    const stragglers = this.#running();
    const releases = stragglers.map((held) => {
      held.givenBack = true;
      const all = [held.delivery, ...held.earlier].map((delivery) => delivery.release());
      return Promise.all(all).finally(() => this.#kernel.remove(held));
    });
    const released = await this.#try("give back", Promise.all(releases), SETTLE_MS);
    const kills = stragglers.map((held) => held.execution?.kill("shutdown"));
    const killed = await this.#try("kill", Promise.all(kills), SETTLE_MS + 1_000);
    const settled = await within(this.#kernel.whenEmpty(), SETTLE_MS);

    this.#phase("closing");
    stopDuties();
    kernel.results?.close();
    const closed = await this.#close();
    this.#phase("stopped");
    const finished = kernel.statistics.totals();
    return {
      givenBack: unstarted.length + stragglers.length,
      finished: finished.succeeded + finished.failed,
      clean: intakeStopped && released && killed && settled && closed && stragglers.length === 0,
    };
  }

  async #stopIntake(): Promise<void> {
    await Promise.all(this.#kernel.queues.map((queue) => queue.consumption?.stop()));
  }

  async #close(): Promise<boolean> {
    const { lanes, broker } = this.#kernel;
    const pools = await this.#try("close pools", Promise.all(lanes.map((lane) => lane.pool.close())), CLOSE_MS);
    const results = this.#results === undefined || (await this.#try("close results", this.#results.close(), CLOSE_MS));
    const closed = await this.#try("close broker", broker.close(), CLOSE_MS);
    return pools && results && closed;
  }

  #running(): Held[] {
    return [...this.#kernel.held.values()].filter((held) => held.state === "running");
  }

  /** Whether everything running ended, and was settled, before the time was over or somebody lost patience. */
  async #idleWithin(ms: number): Promise<boolean> {
    if (this.#kernel.held.size === 0) return true;
    if (ms <= 0) return false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const idle = this.#kernel.whenEmpty().then(() => true);
    const hurried = this.#hurried.then(() => false);
    try {
      return await Promise.race([idle, late, hurried]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A phase that fails or takes too long is reported, and the next one begins all the same. */
  async #try(what: string, work: Promise<unknown>, ms: number): Promise<boolean> {
    try {
      if (await within(work, ms)) return true;
      this.#kernel.events.internalError(what, new Error(`${what} took longer than ${ms} ms`));
    } catch (error) {
      this.#kernel.events.internalError(what, error);
    }
    return false;
  }

  #phase(phase: StopPhase): void {
    this.#kernel.events.emit({ type: "stop-phase", phase, running: this.#running().length });
  }
}
