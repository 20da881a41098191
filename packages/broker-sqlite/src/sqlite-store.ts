import { setTimeout as pause } from "node:timers/promises";
import { abortable, backoff } from "@lovage/core/brokers";
import { BrokerClosedError } from "@lovage/core/contracts";
import { errorOf, mayPass } from "./sqlite-errors.ts";
import { type Claimant, type Collector, Gathering } from "./sqlite-gathering.ts";
import { Health, type HealthEvent } from "./sqlite-health.ts";
import { openLink, type StorageLink } from "./sqlite-link.ts";
import {
  type BatchReply,
  type Fault,
  type Operation,
  type OperationMap,
  type OperationName,
  type Reply,
  type Topic,
  TRAITS,
} from "./sqlite-operations.ts";
import type { StorageSettings } from "./sqlite-options.ts";
import { type Ending, expire, finish, type Pending, pendingOf } from "./sqlite-pending.ts";
import type { HostNews } from "./storage/host.ts";

/** Something that was asked, for {@link SqliteStore.isLast}. */
export type Asked = object;

const FIRST_WAIT_MS = 2;
const MAX_BUSY_WAIT_MS = 50;
/** Work goes on within a second of the end of an outage (I-50), however long that was. */
const MAX_FAULT_WAIT_MS = 500;
const CLOSE_MS = 1_700;
const TICK_MS = 250;
const ALL_TOPICS: readonly Topic[] = ["queues", "results", "control"];

/**
 * One open file in one process: group commit and wake-ups. Everything asked in one tick, by the broker, the result store and the control
 * channel alike, leaves as one batch and becomes one transaction; while it is under way the next one gathers.
 *
 * new → (open) open → (close) closing → closed. When the storage fails, what was asked waits and is tried again.
 */
export class SqliteStore {
  readonly settings: StorageSettings;
  readonly #gathering = new Gathering();
  readonly #health: Health;
  readonly #watchers: Readonly<Record<Topic, Set<() => void>>> = {
    queues: new Set(),
    results: new Set(),
    control: new Set(),
  };
  #state: "new" | "open" | "closing" | "closed" = "new";
  #opening: Promise<void> | undefined;
  #link: StorageLink | undefined;
  #underWay: Pending[] | undefined;
  #retry: { readonly pending: Pending[]; readonly timer: NodeJS.Timeout } | undefined;
  #failures = 0;
  #flush: NodeJS.Immediate | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #interests = 0;
  #holds = false;
  #idle: (() => void)[] = [];

  constructor(settings: StorageSettings) {
    this.settings = settings;
    this.#health = new Health(settings.path);
  }

  /** Opens the file, trying again where waiting may help. Rejects at once for what cannot get better. */
  async open(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#opening ??= this.#open();
    await abortable(this.#opening, signal);
  }

  onEvent(listener: (event: HealthEvent) => void): () => void {
    return this.#health.onEvent(listener);
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
    const asked = pendingOf({ op, input } as Operation, ending, deadline);
    this.#gathering.add(asked);
    this.#hold();
    this.schedule();
    return asked;
  }

  /** Whether nothing was asked after it and it has not left: what its input is a list of may still grow. */
  isLast(asked: Asked): boolean {
    return this.#gathering.isLast(asked);
  }

  addCollector(collector: Collector): () => void {
    return this.#gathering.addCollector(collector);
  }

  addClaimant(claimant: Claimant): () => void {
    const leave = this.#gathering.addClaimant(claimant);
    const rest = this.watch("queues", () => {});
    return () => {
      leave();
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
    const left = [...(this.#underWay ?? []), ...(this.#retry?.pending ?? []), ...this.#gathering.empty()];
    this.#underWay = undefined;
    this.#retry = undefined;
    for (const pending of left) finish(pending, () => pending.ending.closed());
    this.#wasIdle();
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  get #busy(): boolean {
    return this.#underWay !== undefined || this.#retry !== undefined || this.#gathering.pending;
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
      await pause(backoff(attempt + 1, FIRST_WAIT_MS, MAX_FAULT_WAIT_MS));
    }
  }

  #send(apart = false, again?: Pending[]): void {
    if (this.#link === undefined || this.#underWay !== undefined) return;
    // Taken as under way while it is put together: credit that a settlement frees is claimed with it, not after it.
    this.#underWay = [];
    const batch = again ?? this.#gathering.take();
    this.#underWay = batch.length === 0 ? undefined : batch;
    if (batch.length === 0) return;
    this.#link.send({ operations: batch.map(({ operation }) => operation), apart });
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
    // Last asked, first told: claims come last in a batch, and new work should be on its way before hundreds hear that theirs is settled.
    for (let index = batch.length - 1; index >= 0; index -= 1) {
      const pending = batch[index] as Pending;
      const answer = reply.replies[index] as Reply;
      if (!answer.ok) {
        if (this.#judge(pending, answer.fault)) {
          failed.unshift(pending);
          worst = answer.fault;
        }
        continue;
      }
      const topic = TRAITS[pending.operation.op].wakes;
      if (topic !== undefined) topics.add(topic);
      finish(pending, () => pending.ending.done(answer.value as never));
    }
    if (worst === undefined) this.#recovered();
    else this.#again(failed, worst, true);
    if (reply.changed) this.#changed(ALL_TOPICS);
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
    if (fault.kind !== "busy") this.#health.failed(fault);
    if (pending.length === 0) {
      this.schedule();
      return;
    }
    this.#failures += 1;
    const wait = backoff(this.#failures, FIRST_WAIT_MS, fault.kind === "busy" ? MAX_BUSY_WAIT_MS : MAX_FAULT_WAIT_MS);
    const timer = setTimeout(() => {
      const { pending: still } = this.#retry ?? { pending: [] };
      this.#retry = undefined;
      const alive = still.filter(({ over }) => !over);
      if (this.#link === undefined || this.#underWay !== undefined) {
        this.#gathering.putBack(alive);
        return;
      }
      // What has gathered meanwhile comes along, unless one of them was found to spoil the others.
      this.#send(apart, apart && alive.length > 0 ? alive : [...alive, ...this.#gathering.take()]);
      if (this.#underWay === undefined) this.schedule();
    }, wait);
    this.#retry = { pending, timer };
  }

  /** Gives up what has waited too long, even while the storage does not answer at all. */
  #tick(): void {
    expire(this.#underWay ?? [], { kind: "busy", message: "the file did not answer in time", maybeDone: true });
    expire(this.#retry?.pending ?? [], { kind: "busy", message: "the file could not be written in time" });
    expire(this.#gathering.waiting, { kind: "busy", message: "the file could not be reached in time" });
    this.#gathering.dropOver();
    this.#hold();
  }

  #heard(news: HostNews): void {
    if (news.news === "unwell") {
      this.#health.failed(news.fault);
      return;
    }
    if (news.news === "replaced") {
      const message = `${this.settings.path} was removed or replaced; what it held is gone`;
      this.#health.failed({ kind: "storage", message });
      this.#recovered();
    }
    this.#changed(ALL_TOPICS);
  }

  #changed(topics: readonly Topic[]): void {
    for (const topic of topics) {
      if (topic === "queues") this.#gathering.rouse();
      for (const onChange of this.#watchers[topic]) onChange();
    }
    if (topics.includes("queues")) this.schedule();
  }

  /** The thread died. What was under way may be done; asking again is safe for everything that is asked. */
  #down(reason: string): void {
    this.#link = undefined;
    if (this.#state !== "open") return;
    this.#gathering.putBack(this.#underWay ?? []);
    this.#underWay = undefined;
    this.#health.failed({ kind: "storage", message: `the storage thread ended: ${reason}` });
    void this.#reopen();
  }

  /** Until it succeeds or the store closes; meanwhile what has a deadline gives up at it. */
  async #reopen(): Promise<void> {
    while (this.#state === "open") {
      try {
        this.#opening = this.#open();
        await this.#opening;
        this.#recovered();
        return;
      } catch {
        // Unfit for now, or closed meanwhile; that it is unwell was said.
        await pause(MAX_FAULT_WAIT_MS);
      }
    }
  }

  #recovered(): void {
    this.#failures = 0;
    this.#health.worked();
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
