import { BrokerClosedError, BrokerUnavailableError, type LovageError } from "@lovage/core/contracts";
import { errorOf, mayPass } from "./sqlite-errors.ts";
import { openLink, type StorageLink } from "./sqlite-link.ts";
import {
  type BatchReply,
  type ClaimAnswer,
  type Fault,
  type Operation,
  type OperationMap,
  type OperationName,
  type Reply,
  type Topic,
  TRAITS,
} from "./sqlite-operations.ts";
import type { StorageSettings } from "./sqlite-options.ts";
import type { HostNews } from "./storage/host.ts";

/** Asks for work when a batch leaves, so that what settlements free is filled in the same transaction. */
export interface Claimant {
  /** What to claim now; undefined for nothing. */
  wants(): OperationMap["claim"]["in"] | undefined;
  claimed(answer: ClaimAnswer): void;
  /** There may be something again. */
  rouse(): void;
}

/** How one operation ends. `gaveUp`: the deadline passed or the storage said no; `maybeDone` tells the two kinds of no apart. */
export interface Ending<Out> {
  readonly done: (value: Out) => void;
  readonly gaveUp: (fault: Fault) => void;
  readonly closed: () => void;
  /** Tried until it succeeds: settlements and claims. */
  readonly patient?: boolean;
}

interface Pending {
  readonly operation: Operation;
  readonly ending: Ending<never>;
  readonly deadline: number;
  over: boolean;
}

/** Something that was asked, for {@link SqliteStore.isLast}. */
export type Asked = object;

export type StoreEvent =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly error: LovageError };

/** Settlements of one tick and kind, as one operation. */
export interface Collector {
  readonly pending: boolean;
  /** The operation for what was collected since the last call; undefined if nothing was. */
  collect(): { readonly operation: Operation; readonly ending: Ending<never> } | undefined;
}

const MAX_BUSY_WAIT_MS = 50;
const MAX_FAULT_WAIT_MS = 2_000;
const CLOSE_MS = 1_700;
const TICK_MS = 250;

/**
 * One open file in one process: group commit and wake-ups. Everything asked in one tick, by the broker, the result store and the control
 * channel alike, leaves as one batch and becomes one transaction; while it is under way the next one gathers.
 *
 * new → (open) open → (close) closing → closed. When the storage fails, what was asked waits and is tried again.
 */
export class SqliteStore {
  readonly settings: StorageSettings;
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #claimants = new Set<Claimant>();
  readonly #collectors = new Set<Collector>();
  readonly #watchers: Readonly<Record<Topic, Set<() => void>>> = {
    queues: new Set(),
    results: new Set(),
    control: new Set(),
  };
  #state: "new" | "open" | "closing" | "closed" = "new";
  #opening: Promise<void> | undefined;
  #link: StorageLink | undefined;
  #waiting: Pending[] = [];
  #underWay: Pending[] | undefined;
  #retry: { pending: Pending[]; apart: boolean; timer: NodeJS.Timeout } | undefined;
  #failures = 0;
  #unwell = false;
  #flush: NodeJS.Immediate | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #interests = 0;
  #holds = false;
  #idle: (() => void)[] = [];

  constructor(settings: StorageSettings) {
    this.settings = settings;
  }

  /** Opens the file, trying again where waiting may help. Rejects at once for what cannot get better. */
  async open(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#opening ??= this.#open();
    const opening = this.#opening;
    await (signal === undefined ? opening : abortable(opening, signal));
  }

  onEvent(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Asks for one operation. Rejects when its deadline passes or the store closes. */
  run<K extends OperationName>(op: K, input: OperationMap[K]["in"]): Promise<OperationMap[K]["out"]> {
    return new Promise((resolve, reject) => {
      this.ask(op, input, {
        done: resolve,
        gaveUp: (fault) => reject(errorOf(fault, this.settings.path)),
        closed: () => reject(new BrokerClosedError()),
      });
    });
  }

  /** As {@link run}, told through `ending`. Undefined when the store is closed. */
  ask<K extends OperationName>(
    op: K,
    input: OperationMap[K]["in"],
    ending: Ending<OperationMap[K]["out"]>,
  ): Asked | undefined {
    if (this.#state === "closed") {
      ending.closed();
      return undefined;
    }
    const deadline = ending.patient ? Number.POSITIVE_INFINITY : performance.now() + this.settings.operationTimeoutMs;
    const operation = { op, input } as Operation;
    const asked: Pending = { operation, ending: ending as Ending<never>, deadline, over: false };
    this.#waiting.push(asked);
    this.#hold();
    this.schedule();
    return asked;
  }

  /** Whether nothing was asked after it and it has not left: what its input is a list of may still grow. */
  isLast(asked: Asked): boolean {
    return this.#waiting.at(-1) === asked;
  }

  addCollector(collector: Collector): () => void {
    this.#collectors.add(collector);
    return () => void this.#collectors.delete(collector);
  }

  addClaimant(claimant: Claimant): () => void {
    this.#claimants.add(claimant);
    const rest = this.watch("queues", () => {});
    return () => {
      this.#claimants.delete(claimant);
      rest();
    };
  }

  /** Calls back after commits, of anybody, that may concern the topic. Keeps the process alive until the returned function is called. */
  watch(topic: Topic, onChange: () => void): () => void {
    const entry = (): void => onChange();
    this.#watchers[topic].add(entry);
    this.#interests += 1;
    if (this.#interests === 1) this.#link?.watch(true);
    this.#hold();
    return () => {
      if (!this.#watchers[topic].delete(entry)) return;
      this.#interests -= 1;
      if (this.#interests === 0) this.#link?.watch(false);
      this.#hold();
    };
  }

  /** A batch leaves at the end of this round of the event loop. */
  schedule(): void {
    if (this.#underWay !== undefined || this.#retry !== undefined || this.#link === undefined) return;
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      // A batch may have failed since: what it held goes again first, and nothing may overtake it.
      if (this.#retry === undefined) this.#send();
    });
  }

  /** Resolves when everything asked so far has its answer, at the latest after some seconds. */
  async settled(atMostMs: number = CLOSE_MS): Promise<void> {
    this.schedule();
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.#busy) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    if (this.#state === "closing" || this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closing";
    if (wasOpen) await this.settled();
    this.#state = "closed";
    clearImmediate(this.#flush);
    clearInterval(this.#ticker);
    clearTimeout(this.#retry?.timer);
    const left = [...(this.#underWay ?? []), ...(this.#retry?.pending ?? []), ...this.#waiting];
    this.#underWay = undefined;
    this.#retry = undefined;
    this.#waiting = [];
    for (const pending of left) finish(pending, () => pending.ending.closed());
    this.#wasIdle();
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  get #busy(): boolean {
    if (this.#underWay !== undefined || this.#retry !== undefined || this.#waiting.length > 0) return true;
    for (const collector of this.#collectors) if (collector.pending) return true;
    return false;
  }

  async #open(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const opened = await openLink(this.settings, {
        onReply: (reply) => this.#answered(reply),
        onNews: (news) => this.#heard(news),
        onDown: (reason) => this.#down(reason),
      });
      if (this.#state === "closing" || this.#state === "closed") {
        if (opened.ok) await opened.link.close();
        throw new BrokerClosedError();
      }
      if (opened.ok) {
        this.#state = "open";
        this.#link = opened.link;
        this.#holds = false;
        if (this.#interests > 0) opened.link.watch(true);
        this.#hold();
        this.#ticker ??= setInterval(() => this.#tick(), TICK_MS).unref();
        this.schedule();
        return;
      }
      if (!mayPass(opened.fault)) {
        this.#opening = undefined;
        throw errorOf(opened.fault, this.settings.path);
      }
      await pause(jitter(attempt, MAX_FAULT_WAIT_MS));
    }
  }

  #send(apart = false, again?: Pending[]): void {
    if (this.#link === undefined || this.#underWay !== undefined) return;
    const batch = again ?? this.#gather();
    if (batch.length === 0) return;
    this.#underWay = batch;
    this.#link.send({ operations: batch.map(({ operation }) => operation), apart });
  }

  /**
   * Settlements first, then what was asked, in order, then claims: they take what the others have made ready and free. Control goes before
   * all of it, in a batch of its own: it needs no fsync, and on a slow disk each wait for one is time that somebody looks at.
   */
  #gather(): Pending[] {
    const express = this.#waiting.filter(({ operation }) => TRAITS[operation.op].express);
    if (express.length > 0) {
      this.#waiting = this.#waiting.filter(({ operation }) => !TRAITS[operation.op].express);
      return express;
    }
    const batch: Pending[] = [];
    for (const collector of this.#collectors) {
      const collected = collector.collect();
      if (collected !== undefined) batch.push({ ...collected, deadline: Number.POSITIVE_INFINITY, over: false });
    }
    batch.push(...this.#waiting);
    this.#waiting = [];
    if (batch.some(({ operation }) => TRAITS[operation.op].wakes === "queues")) this.#rouse();
    for (const claimant of this.#claimants) {
      const input = claimant.wants();
      if (input === undefined) continue;
      const ending: Ending<ClaimAnswer> = {
        done: (answer) => claimant.claimed(answer),
        gaveUp: () => {},
        closed: () => {},
        patient: true,
      };
      const operation: Operation = { op: "claim", input };
      batch.push({ operation, ending: ending as Ending<never>, deadline: Number.POSITIVE_INFINITY, over: false });
    }
    return batch;
  }

  #answered(reply: BatchReply): void {
    const batch = this.#underWay;
    if (batch === undefined) return;
    this.#underWay = undefined;
    if (!reply.ok) {
      this.#failed(batch, reply.fault);
      return;
    }
    const failed: Pending[] = [];
    let worst: Fault | undefined;
    const topics = new Set<Topic>();
    batch.forEach((pending, index) => {
      const answer = reply.replies[index] as Reply;
      if (!answer.ok) {
        if (this.#judge(pending, answer.fault)) {
          failed.push(pending);
          worst = answer.fault;
        }
        return;
      }
      const topic = TRAITS[pending.operation.op].wakes;
      if (topic !== undefined) topics.add(topic);
      finish(pending, () => pending.ending.done(answer.value as never));
    });
    if (worst === undefined) this.#recovered();
    else this.#again(failed, worst, true);
    if (reply.changed) this.#changed(["queues", "results", "control"]);
    else if (topics.size > 0) this.#changed([...topics]);
    this.schedule();
    if (!this.#busy) this.#wasIdle();
    this.#hold();
  }

  /** The whole batch was rolled back. Locked: all of it again. Else one by one, to find which of them cannot be done. */
  #failed(batch: Pending[], fault: Fault): void {
    if (fault.kind !== "busy" && fault.maybeDone !== true && batch.length > 1) {
      this.#send(true, batch);
      return;
    }
    const left = batch.filter((pending) => this.#judge(pending, fault));
    this.#again(left, fault, fault.kind !== "busy");
  }

  /** Whether to try this one again; if not, it is told. */
  #judge(pending: Pending, fault: Fault): boolean {
    const hopeless = fault.kind === "invalid" || (fault.kind === "full" && pending.operation.op === "publish");
    if (pending.ending.patient || (!hopeless && performance.now() < pending.deadline)) return true;
    finish(pending, () => pending.ending.gaveUp(fault));
    return false;
  }

  #again(pending: Pending[], fault: Fault, apart: boolean): void {
    if (fault.kind !== "busy") this.#complain(fault);
    if (pending.length === 0) {
      this.schedule();
      return;
    }
    this.#failures += 1;
    const wait = jitter(this.#failures, fault.kind === "busy" ? MAX_BUSY_WAIT_MS : MAX_FAULT_WAIT_MS);
    const timer = setTimeout(() => {
      const { pending: still } = this.#retry ?? { pending: [] };
      this.#retry = undefined;
      const alive = still.filter(({ over }) => !over);
      if (this.#link === undefined || this.#underWay !== undefined) {
        this.#waiting = [...alive, ...this.#waiting];
        return;
      }
      // What has gathered meanwhile comes along, unless one of them was found to spoil the others.
      this.#send(apart, apart && alive.length > 0 ? alive : [...alive, ...this.#gather()]);
      if (this.#underWay === undefined) this.schedule();
    }, wait);
    this.#retry = { pending, apart, timer };
  }

  /** Gives up what has waited too long, even while the storage does not answer at all. */
  #tick(): void {
    const now = performance.now();
    const expire = (pendings: readonly Pending[], fault: Fault): void => {
      for (const pending of pendings) {
        if (now < pending.deadline || pending.over) continue;
        finish(pending, () => pending.ending.gaveUp(fault));
      }
    };
    expire(this.#underWay ?? [], { kind: "busy", message: "the file did not answer in time", maybeDone: true });
    expire(this.#retry?.pending ?? [], { kind: "busy", message: "the file could not be written in time" });
    expire(this.#waiting, { kind: "busy", message: "the file could not be reached in time" });
    this.#waiting = this.#waiting.filter(({ over }) => !over);
    this.#hold();
  }

  #heard(news: HostNews): void {
    if (news.news === "unwell") {
      this.#complain(news.fault);
      return;
    }
    if (news.news === "replaced") {
      this.#complain({
        kind: "storage",
        message: `${this.settings.path} was removed or replaced; what it held is gone`,
      });
      this.#recovered();
    }
    this.#changed(["queues", "results", "control"]);
  }

  #changed(topics: readonly Topic[]): void {
    for (const topic of topics) {
      if (topic === "queues") this.#rouse();
      for (const onChange of this.#watchers[topic]) onChange();
    }
    if (topics.includes("queues")) this.schedule();
  }

  #rouse(): void {
    for (const claimant of this.#claimants) claimant.rouse();
  }

  /** The thread died. What was under way may be done; asking again is safe for everything that is asked. */
  #down(reason: string): void {
    this.#link = undefined;
    if (this.#state !== "open") return;
    const batch = this.#underWay ?? [];
    this.#underWay = undefined;
    this.#waiting = [...batch, ...this.#waiting];
    this.#complain({ kind: "storage", message: `the storage thread ended: ${reason}` });
    this.#opening = this.#open();
    this.#opening.then(
      () => this.#recovered(),
      // Closed meanwhile, or unfit for good: what waits gives up at its deadline, and the last complaint says why.
      () => {},
    );
  }

  #complain(fault: Fault): void {
    if (this.#unwell) return;
    this.#unwell = true;
    const error = new BrokerUnavailableError(`${fault.message}; trying again`, {
      cause: errorOf(fault, this.settings.path),
      subject: { path: this.settings.path },
    });
    for (const listener of this.#listeners) listener({ type: "disconnected", error });
  }

  #recovered(): void {
    this.#failures = 0;
    if (!this.#unwell) return;
    this.#unwell = false;
    for (const listener of this.#listeners) listener({ type: "connected" });
  }

  #hold(): void {
    const hold = this.#interests > 0 || this.#busy;
    if (hold === this.#holds || this.#link === undefined) return;
    this.#holds = hold;
    this.#link.hold(hold);
  }

  #wasIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}

function finish(pending: Pending, end: () => void): void {
  if (pending.over) return;
  pending.over = true;
  end();
}

/** Up to twice as long each time, anywhere between a fifth of it and all of it. */
function jitter(attempt: number, most: number): number {
  return Math.min(most, 2 ** Math.min(attempt, 12)) * (0.2 + 0.8 * Math.random());
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
