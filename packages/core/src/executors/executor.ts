/**
 * One unit of a pool as the engine sees it.
 *
 * State      What holds                                                     Leads to
 * starting   the app is being imported, onExecutorStart runs                ready · ended (start failed)
 * ready      takes runs                                                     stalled · retiring · killing · ended (crashed)
 * stalled    runs aboard, no pulse; takes none                              ready · retiring · killing · ended (crashed)
 * retiring   takes no more; ends when the last aboard has its outcome       stopping · killing · ended (crashed)
 * stopping   nothing aboard, onExecutorStop runs                            ended · killing (deadline)
 * killing    ordered to end by force; outcomes wait for it                  ended · lost (5 s)
 * lost       cannot be ended; its outcomes are given, its slot is replaced  ended
 * ended      gone; every run has its outcome
 */

import { RenewedMap } from "../collections/renewed-map.ts";
import { type ErrorData, errorData, type LovageError } from "../contracts/errors.ts";
import type { Payload } from "../contracts/message.ts";
import type { AbortReason, ExecutorStats, Outcome, PoolContext, PoolEvent, RunRequest } from "../contracts/pool.ts";
import { answer } from "./client-host.ts";
import { type ExecutorEnding, outcomeOf } from "./ending.ts";
import { Mailbox } from "./mailbox.ts";
import { OutputLines } from "./output-lines.ts";
import { DONE_STRIDE, type DoneField, type ExecutorInit, type Up, type UpMessage } from "./protocol.ts";
import { Run, type RunCarrier } from "./run.ts";
import type { ExecutorRuntime, Unit, UnitExit } from "./runtime.ts";
import { endedWhileStarting, lateStart, missingTasks, reportedFailure } from "./start-failure.ts";

export type ExecutorState = "starting" | "ready" | "stalled" | "retiring" | "stopping" | "killing" | "lost" | "ended";
export type EndReason = Extract<PoolEvent, { type: "executor-ended" }>["reason"];

/** An executor that cannot be ended by force is given up after this long. */
const LAST_RESORT_MS = 5_000;

export interface ExecutorPlan {
  readonly runtime: ExecutorRuntime;
  readonly context: PoolContext;
  readonly init: ExecutorInit;
  /** Importing the app and `onExecutorStart` together may take this long. */
  readonly startTimeoutMs: number;
  /** The unit obeys `kill`; otherwise a run that is killed is given up after the last resort, its neighbours go on. */
  readonly killable: boolean;
}

/** What the pool hears. */
export interface ExecutorOwner {
  ready(executor: Executor): void;
  startFailed(executor: Executor, error: LovageError): void;
  /** Its slots came or went, other than by `begin`. */
  changed(executor: Executor): void;
  /** A run has ended; called before its outcome resolves. */
  finished(executor: Executor, run: Run, outcome: Outcome): void;
  /** Gone, or lost. Called after the outcomes of those aboard. */
  ended(executor: Executor, reason: EndReason): void;
  emit(event: PoolEvent): void;
}

export class Executor implements RunCarrier {
  readonly id: string;
  readonly running: RenewedMap<number, Run> = new RenewedMap();
  readonly startedAt: number = Date.now();
  readonly jitter: number = Math.random();
  state: ExecutorState = "starting";
  slots = 0;
  finished = 0;
  busyMs = 0;
  memoryBytes: number | undefined;
  /** When its loop was last known to turn, and when it last became idle: `performance.now()`. */
  seenAt: number = performance.now();
  idleSince: number = performance.now();
  /** Silence that was reported last, in ms; 0 while it answers. */
  reportedMs = 0;
  /** Resolves when the unit is gone, or lost. */
  readonly over: Promise<void>;
  readonly unit: Unit;
  readonly #plan: ExecutorPlan;
  readonly #owner: ExecutorOwner;
  readonly #output: OutputLines;
  readonly #mailbox: Mailbox;
  #numbers = 0;
  #began = 0;
  #timer: NodeJS.Timeout | undefined;
  #order: EndReason | undefined;
  #startError: LovageError | undefined;
  #fatal: ErrorData | undefined;
  #over!: () => void;

  constructor(plan: ExecutorPlan, owner: ExecutorOwner) {
    this.#plan = plan;
    this.#owner = owner;
    this.id = plan.init.executor;
    this.over = new Promise((resolve) => {
      this.#over = resolve;
    });
    this.#output = new OutputLines((stream, line) => owner.emit({ type: "output", executor: this.id, stream, line }));
    this.#mailbox = new Mailbox(plan.init.shared, (message) => {
      if (this.state !== "ended") this.unit.post(message);
    });
    this.#arm(plan.startTimeoutMs, () => {
      this.#startError ??= lateStart(this.id, plan.context.app, plan.startTimeoutMs);
      this.end("crashed");
    });
    this.unit = plan.runtime.spawn(
      { init: plan.init, app: plan.context.app },
      {
        onMessage: (message) => this.#receive(message),
        onOutput: (stream, text) => this.#output.add(stream, text),
        onExit: (exit) => this.#exited(exit),
      },
    );
  }

  /** Runs it may take now. */
  get open(): number {
    return this.state === "ready" ? Math.max(0, this.slots - this.running.size) : 0;
  }

  /** Its share of the pool's capacity; a stalled executor counts with what it holds. */
  get capacity(): number {
    if (this.state === "ready") return this.slots;
    return this.state === "stalled" ? Math.min(this.slots, this.running.size) : 0;
  }

  get lastOutput(): readonly string[] {
    return this.#output.last;
  }

  begin(request: RunRequest): Run {
    const run = new Run(++this.#numbers, request, this);
    if (this.running.size === 0) this.seenAt = performance.now();
    this.running.set(run.number, run);
    this.#mailbox.run(run.number, request);
    return run;
  }

  abort(run: Run, reason: AbortReason): void {
    if (this.state !== "ended" && this.state !== "lost") this.#mailbox.abort(run.number, reason);
  }

  kill(run: Run): void {
    if (this.#plan.killable) this.end("killed");
    else {
      const reason = run.killReason as NonNullable<Run["killReason"]>;
      setTimeout(() => this.#finish(run, { type: "killed", reason, startedAt: run.sentAt }), LAST_RESORT_MS).unref();
    }
  }

  /** Takes no more runs; ends, politely, when none is aboard. */
  retire(reason: EndReason): void {
    if (this.state === "starting") this.end(reason);
    if (this.state !== "ready" && this.state !== "stalled") return;
    this.#order = reason;
    this.#enter("retiring");
    if (this.running.size === 0) this.#stop();
  }

  /** Ends it by force, whatever is aboard. */
  end(reason: EndReason): void {
    if (this.state === "killing" || this.state === "lost" || this.state === "ended") return;
    if (this.#order === undefined || reason === "closed" || this.running.size > 0) this.#order = reason;
    this.#enter("killing");
    this.#arm(LAST_RESORT_MS, () => this.#giveUp());
    this.unit.kill();
  }

  stats(): ExecutorStats {
    const { pid, threadId } = this.unit;
    const sampled = this.running.size > 0 ? this.unit.sampleMemory?.() : undefined;
    const memoryBytes = sampled ?? this.memoryBytes;
    return {
      id: this.id,
      ...(pid === undefined ? {} : { pid }),
      ...(threadId === undefined ? {} : { threadId }),
      state: shownState(this.state),
      running: [...this.running.values()].map((run) => run.request.id),
      slots: this.slots,
      finished: this.finished,
      startedAt: this.startedAt,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      busyMs: this.busyMs,
    };
  }

  /** The watchdog's word on whether its loop turns. */
  setStalled(stalled: boolean): void {
    if (stalled && this.state === "ready") this.#enter("stalled");
    if (!stalled && this.state === "stalled") this.#enter("ready");
  }

  #receive(message: UpMessage): void {
    if (this.state === "ended" || this.state === "lost") return;
    if (Array.isArray(message)) {
      this.#alive();
      this.#returned(message);
      return;
    }
    const { context } = this.#plan;
    if (message.memory !== undefined) this.memoryBytes = message.memory;
    if (message.began !== undefined) this.#began = message.began;
    if (message.logs !== undefined) context.onLog(message.logs);
    if (message.progress !== undefined) context.onProgress(message.progress);
    if (message.fatal !== undefined) this.#fatal = message.fatal;
    if (message.stopFailed !== undefined) this.#output.add("stderr", `onExecutorStop: ${message.stopFailed.message}\n`);
    if (message.requests !== undefined) for (const request of message.requests) void this.#answer(request);
    if (message.pulse || message.done !== undefined || message.ended !== undefined) this.#alive();
    if (message.done !== undefined) this.#returned(message.done);
    if (message.ended !== undefined)
      for (const { run, outcome } of message.ended) this.#finish(this.running.get(run), outcome);
    if (message.ready !== undefined && this.state === "starting") this.#ready(message.ready.tasks);
    if (message.failed !== undefined && this.state === "starting")
      this.#startError ??= reportedFailure(this.id, context.app, message.failed);
  }

  #ready(tasks: readonly string[]): void {
    const { context } = this.#plan;
    this.#startError = missingTasks(context.app, tasks);
    if (this.#startError !== undefined) {
      this.end("crashed");
      return;
    }
    clearTimeout(this.#timer);
    this.state = "ready";
    this.idleSince = performance.now();
    this.#owner.emit({ type: "executor-started", executor: this.id, startMs: Date.now() - this.startedAt });
    this.#owner.ready(this);
  }

  #alive(): void {
    this.seenAt = performance.now();
    if (this.reportedMs === 0) return;
    const stalledMs = this.reportedMs;
    this.reportedMs = 0;
    this.setStalled(false);
    this.#owner.emit({ type: "recovered", executor: this.id, stalledMs });
  }

  #returned(done: readonly DoneField[]): void {
    for (let at = 0; at < done.length; at += DONE_STRIDE) {
      const value = done[at + 3] as Payload | null;
      const startedAt = done[at + 1] as number;
      const durationMs = done[at + 2] as number;
      this.#finish(
        this.running.get(done[at] as number),
        value === null
          ? { type: "returned", startedAt, durationMs }
          : { type: "returned", startedAt, durationMs, value },
      );
    }
  }

  #finish(run: Run | undefined, outcome: Outcome): void {
    if (run === undefined || run.ended) return;
    this.running.delete(run.number);
    this.finished++;
    this.busyMs += outcome.durationMs ?? (outcome.startedAt === undefined ? 0 : Date.now() - outcome.startedAt);
    if (this.running.size === 0) this.idleSince = performance.now();
    this.#owner.finished(this, run, outcome);
    run.end(outcome);
    if (this.state === "retiring" && this.running.size === 0) this.#stop();
  }

  #stop(): void {
    this.#enter("stopping");
    this.#arm(this.#plan.init.hookTimeoutMs + 2_000, () => this.end(this.#order ?? "closed"));
    this.#mailbox.stop();
  }

  #giveUp(): void {
    this.state = "lost";
    this.#endAboard({ reason: this.#order === "closed" ? "closed" : "killed", lastOutput: [], nobodysError: false });
    this.#over();
    this.#owner.ended(this, this.#order ?? "killed");
  }

  #exited(exit: UnitExit): void {
    clearTimeout(this.#timer);
    this.#output.end();
    const before = this.state;
    this.state = "ended";
    if (before === "lost") {
      this.#owner.changed(this);
      return;
    }
    this.#over();
    const error = this.#fatal ?? (exit.error === undefined ? undefined : errorData(exit.error));
    const starting = before === "starting" || (before === "killing" && this.#startError !== undefined);
    const ordered = before === "killing" || before === "stopping";
    const reason = ordered ? (this.#order ?? "closed") : "crashed";
    this.#endAboard({
      reason: reason === "killed" || reason === "closed" ? reason : "crashed",
      ...(exit.exitCode === undefined ? {} : { exitCode: exit.exitCode }),
      ...(exit.signal === undefined ? {} : { signal: exit.signal }),
      ...(error === undefined ? {} : { error }),
      ...(this.memoryBytes === undefined ? {} : { memoryBytes: this.memoryBytes }),
      lastOutput: this.#output.last,
      nobodysError: this.#plan.init.shared && this.#fatal !== undefined,
    });
    if (starting) {
      const { app } = this.#plan.context;
      this.#startError ??= endedWhileStarting(this.id, app, exit, error, this.#output.last);
      this.#owner.startFailed(this, this.#startError);
      return;
    }
    const { exitCode, signal } = exit;
    this.#owner.emit({
      type: "executor-ended",
      executor: this.id,
      reason,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
      ...(reason === "crashed" ? { lastOutput: this.#output.last } : {}),
    });
    this.#owner.ended(this, reason);
  }

  #endAboard(ending: ExecutorEnding): void {
    const aboard = [...this.running.values()];
    const begun = aboard.filter((run) => this.#hasBegun(run));
    for (const run of aboard) this.#finish(run, outcomeOf(run, begun.includes(run), begun.length, ending));
  }

  /** Runs are begun in order. The numbers may wrap on the board, their distance does not. */
  #hasBegun(run: Run): boolean {
    if (run.number > this.#mailbox.posted) return false;
    const { board, shared } = this.#plan.init;
    if (!shared) return true;
    const last = board === undefined ? this.#began : Atomics.load(board, 0);
    return ((last - run.number) | 0) >= 0;
  }

  async #answer(request: NonNullable<Up["requests"]>[number]): Promise<void> {
    const reply = await answer(this.#plan.context.client, request);
    if (this.state !== "ended" && this.state !== "lost") this.#mailbox.reply(reply);
  }

  #enter(state: ExecutorState): void {
    this.state = state;
    this.#owner.changed(this);
  }

  #arm(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }
}

function shownState(state: ExecutorState): ExecutorStats["state"] {
  if (state === "stopping" || state === "killing") return "retiring";
  return state === "lost" ? "stalled" : state;
}
