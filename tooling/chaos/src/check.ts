/**
 * What a ledger proves: each promise that was broken, with the message it was broken for. The rules, and nothing about how the run was
 * made; a ledger written by hand is judged the same.
 */

import { Availability } from "./availability.ts";
import type { Findings, Promised, Violation } from "./findings.ts";
import type { History, Run, TaskHistory } from "./history.ts";
import { answerOf, RETRY_DELAY_MS } from "./plan.ts";
import { LEAST_LEFT_OF_LEASE, type Reason, repetitions } from "./twice.ts";

/** Beyond the lease, for whoever takes over to notice. */
const TAKEN_OVER_WITHIN_MS = 1_000;
/** What measuring itself may add, in ms. */
const TOLERANCE_MS = 250;
/** Taking over is a chain of steps in several processes, each as late as the machine makes it: to notice, to claim, to record, to begin. */
const STEPS = 4;
/** Beyond its time a delayed task may stand in line behind others, in ms. */
const IN_LINE_MS = 5_000;

export function check(history: History): Findings {
  return new Checker(history).run();
}

class Checker {
  readonly #history: History;
  readonly #availability: Availability;
  readonly #violations: Violation[] = [];
  readonly #again = new Map<string, number>();
  readonly #delayedLate: number[] = [];
  #worstRedeliveryMs: number | undefined;

  constructor(history: History) {
    this.#history = history;
    this.#availability = new Availability(history);
  }

  run(): Findings {
    const tasks = [...this.#history.tasks.values()];
    for (const task of tasks) {
      this.#repeated(task);
      this.#timely(task);
      this.#refused(task);
      this.#buried(task);
      this.#ended(task);
      this.#answered(task);
    }
    for (const run of this.#history.phantoms)
      this.#broken("phantom", `run ${run.run} is of an id that nobody published`);
    this.#lost(tasks);
    this.#workers();
    for (const what of this.#history.troubles) this.#broken("trouble", what);
    return this.#findings(tasks);
  }

  #broken(promise: Promised, says: string, id?: string): void {
    this.#violations.push(id === undefined ? { promise, says } : { promise, says, id });
  }

  #repeated(task: TaskHistory): void {
    // A second copy of what has finished is a run that nobody had got to: it needs a reason all the same.
    const runs = finished(task) ? [...task.runs, ...task.left] : task.runs;
    for (const { run, reason } of repetitions({ ...task, runs }, this.#history, this.#availability)) {
      if (reason === undefined) {
        this.#broken("twice", `${task.kind} ran again (run ${run.run}) and no fault explains it`, task.id);
        continue;
      }
      const name = nameOf(reason);
      this.#again.set(name, (this.#again.get(name) ?? 0) + 1);
      if (typeof reason !== "object" || !("fault" in reason)) continue;
      this.#worstRedeliveryMs = Math.max(this.#worstRedeliveryMs ?? 0, reason.redeliveredInMs);
      this.#takenOver(task, run, reason);
    }
  }

  /** Within the lease and a second of the fault, not counting time in which nobody could have taken it over. */
  #takenOver(task: TaskHistory, run: Run, { fault, at, passedBy }: Extract<Reason, { fault: string }>): void {
    const { facts, lagMs } = this.#history;
    const leaseMs = facts.ownership === "lease" && fault !== "term" ? facts.leaseMs : 0;
    // Its connection does not end as a killed worker's does: somebody has to miss it.
    const silenceMs = facts.ownership === "connection" && fault === "stop" ? facts.silenceMs : 0;
    const graceMs = fault === "term" ? facts.graceMs : 0;
    const owing = this.#leaseOver(at + leaseMs + silenceMs + graceMs, leaseMs, passedBy);
    const lateMs = this.#availability.between(owing, run.at) - TOLERANCE_MS - STEPS * lagMs;
    if (lateMs <= TAKEN_OVER_WITHIN_MS) return;
    const says = `${task.kind} ran again ${run.at - at} ms after ${fault}, ${Math.round(lateMs)} ms of them after lease and tolerance`;
    this.#broken("late", says, task.id);
  }

  /** When the last of several leases was over: each hand-over in between took one, if a worker stood still or was killed where it can have been made. */
  #leaseOver(firstOver: number, leaseMs: number, passedBy: number): number {
    const struck = [...this.#history.workers.values()]
      .flatMap(({ faults }) => faults)
      .filter(({ kind }) => kind === "stop" || kind === "kill");
    let over = firstOver;
    for (let left = passedBy; left > 0 && leaseMs > 0; left--) {
      const [from, to] = [over - leaseMs * (1 - LEAST_LEFT_OF_LEASE), over + TAKEN_OVER_WITHIN_MS];
      if (!struck.some((fault) => fault.from <= to && fault.to >= from)) break;
      over += leaseMs;
    }
    return over;
  }

  #timely(task: TaskHistory): void {
    const first = task.runs[0];
    const dues = task.publications.flatMap(({ dueAt }) => (dueAt === undefined ? [] : [dueAt]));
    if (first !== undefined && dues.length > 0) this.#delayed(task, first, Math.min(...dues), Math.max(...dues));
    const threw = task.runs.filter(({ end }) => end?.how === "threw");
    for (const failed of threw) {
      // Of two runs of one attempt (a holder that was stopped, and its heir) the first to fail is the one whose retry was taken.
      if (threw.some(({ attempt, end }) => attempt === failed.attempt && (end?.at ?? 0) < (failed.end?.at ?? 0)))
        continue;
      const next = task.runs.find(({ attempt, at }) => attempt === failed.attempt + 1 && at >= failed.at);
      const waited = (next?.at ?? Number.POSITIVE_INFINITY) - (failed.end?.at ?? 0);
      if (waited < RETRY_DELAY_MS)
        this.#broken("early", `attempt ${failed.attempt + 1} began ${waited} ms after the one before failed`, task.id);
    }
  }

  #delayed(task: TaskHistory, first: Run, dueAt: number, latestDueAt: number): void {
    const { facts, lagMs } = this.#history;
    if (first.at < dueAt) {
      this.#broken("early", `it was due at ${dueAt} and ran ${dueAt - first.at} ms before`, task.id);
      return;
    }
    this.#delayedLate.push(first.at - dueAt);
    // Whoever took it may have been struck before it began: then a lease passes first.
    const allowed =
      facts.delayResolutionMs + facts.leaseMs + TAKEN_OVER_WITHIN_MS + IN_LINE_MS + TOLERANCE_MS + STEPS * lagMs;
    const late = this.#availability.between(latestDueAt, first.at);
    if (late > allowed) this.#broken("late", `it ran ${first.at - latestDueAt} ms after its time`, task.id);
  }

  /** Refused means never run, unless another publish of the same id was not refused. */
  #refused(task: TaskHistory): void {
    const refused = task.publications.every(({ outcome }) => outcome?.status === "refused");
    if (refused && task.runs.length > 0) this.#broken("phantom", "its publish was refused, and it ran", task.id);
  }

  #buried(task: TaskHistory): void {
    if (task.dead === undefined) return;
    const { code } = task.dead;
    const { maxStarts } = this.#history.facts;
    if (code !== "poison") {
      this.#broken("buried", `${task.kind} is in the dead letters as "${code}"`, task.id);
    } else if (task.kind === "poison") {
      const begun = task.runs.filter(({ end }) => end === undefined).length;
      // A start that was recorded, and whose worker was struck before it began, is in no ledger.
      if (begun + this.#faultsDuring(task) < maxStarts)
        this.#broken("buried", `poison was set aside after ${begun} starts`, task.id);
    } else if (this.#struckRuns(task) < maxStarts) {
      // Struck as often as poison ends its process, a task cannot be told from poison.
      this.#broken("buried", `${task.kind} is in the dead letters as poison`, task.id);
    }
  }

  #struckRuns(task: TaskHistory): number {
    const { workers } = this.#history;
    return task.runs.filter((run) => workers.get(run.worker)?.faults.some(({ to }) => to >= run.at)).length;
  }

  #faultsDuring({ publications, dead }: TaskHistory): number {
    const from = publications[0]?.at ?? 0;
    const to = dead?.at ?? Number.POSITIVE_INFINITY;
    const faults = [...this.#history.workers.values()].flatMap((life) => life.faults);
    return faults.filter((fault) => fault.from <= to && fault.to >= from).length;
  }

  #outagesDuring({ runs }: TaskHistory): number {
    const [from, to] = [runs[0]?.at ?? 0, runs.at(-1)?.at ?? 0];
    return this.#history.outages.filter((outage) => outage.from <= to && outage.to >= from).length;
  }

  #ended(task: TaskHistory): void {
    const { facts, workers } = this.#history;
    for (const run of task.runs) {
      if (run.end !== undefined || (task.kind === "poison" && run.pid !== run.worker)) continue;
      const struck = workers.get(run.worker)?.faults.some(({ to }) => to >= run.at);
      if (struck !== true)
        this.#broken("vanished", `run ${run.run} began and never ended; its worker was well`, task.id);
    }
    // Published twice because nobody knew of the first, it may be two messages, of which each is begun so often.
    const published = task.publications.filter(({ outcome }) => outcome?.status !== "refused").length;
    // So it may be where it is moved by a copy, and the broker was struck meanwhile.
    const messages = published + (facts.requeue === "copy then ack" ? this.#outagesDuring(task) : 0);
    if (task.kind === "poison" && task.runs.length > messages * facts.maxStarts + this.#struckRuns(task) + 1)
      this.#broken("twice", `poison was begun ${task.runs.length} times`, task.id);
  }

  #answered(task: TaskHistory): void {
    if (task.kind !== "answer" || !this.#history.facts.results || !finished(task) || task.dead !== undefined) return;
    const { result, index } = task;
    if (result?.state !== "succeeded")
      this.#broken("result", `it finished, and its result is ${result?.state ?? "absent"}`, task.id);
    else if (result.value !== answerOf(index))
      this.#broken("result", `it answered ${result.value}, not ${answerOf(index)}`, task.id);
  }

  #lost(tasks: readonly TaskHistory[]): void {
    const { facts, depths } = this.#history;
    const missing = tasks.filter((task) => accepted(task) && !finished(task) && task.dead === undefined);
    let held = 0;
    for (const { ready = 0, delayed = 0, owned = 0, dead = 0 } of depths)
      held += ready + delayed + owned + (facts.browsesDead ? 0 : dead);
    const inQueues = depths.reduce((sum, { ready = 0, delayed = 0, owned = 0 }) => sum + ready + delayed + owned, 0);
    const copies = tasks.reduce((sum, task) => sum + (finished(task) ? task.left.length : 0), 0);
    if (inQueues > copies) this.#broken("undrained", `${inQueues - copies} messages are still in the queues`);
    const buried = facts.browsesDead ? 0 : depths.reduce((sum, { dead = 0 }) => sum + dead, 0);
    const poison = tasks.filter(({ kind }) => kind === "poison").length;
    if (buried > poison) this.#broken("buried", `${buried} dead letters, but only ${poison} tasks are poison`);
    // Which of the missing are the ones still held, nobody can tell: as many as are held are not called lost.
    if (missing.length <= held) return;
    for (const task of missing) {
      const how = held === 0 ? "" : `, or one of the ${held} still held`;
      this.#broken("lost", `${task.kind} was accepted and neither finished nor is dead${how}`, task.id);
    }
  }

  #workers(): void {
    const { workers, stoppingAt, facts } = this.#history;
    for (const { slot, pid, faults, ended, hung, readyAt } of workers.values()) {
      const who = `worker ${slot} (pid ${pid})`;
      if (hung === true) this.#broken("worker", `${who} did not end within its grace after SIGTERM`);
      if (ended === undefined || hung === true) continue;
      const how = ended.signal ?? `exit code ${ended.code}`;
      if (faults.some(({ kind, from }) => kind === "kill" && from <= ended.at)) continue;
      const asked = ended.at >= stoppingAt || faults.some(({ kind, from }) => kind === "term" && from <= ended.at);
      if (!asked) this.#broken("worker", `${who} ended by itself with ${how}`);
      // 75: it gave work back. What had not begun may go back; what had is found as a run again.
      else if (ended.code !== 0 && ended.code !== 75 && !(ended.signal === "SIGTERM" && readyAt === undefined))
        this.#broken("worker", `${who} was told to end and did with ${how}; its grace was ${facts.graceMs} ms`);
    }
  }

  #findings(tasks: readonly TaskHistory[]): Findings {
    const published: Record<string, number> = {};
    for (const task of tasks) {
      const status = task.publications.at(-1)?.outcome?.status ?? "unknown";
      published[status] = (published[status] ?? 0) + 1;
    }
    const late = this.#delayedLate.toSorted((a, b) => a - b);
    return {
      violations: this.#violations,
      published,
      tasks: tasks.length,
      runs: tasks.reduce((sum, { runs }) => sum + runs.length, 0),
      finished: tasks.filter(finished).length,
      dead: tasks.filter(({ dead }) => dead !== undefined).length,
      again: Object.fromEntries(this.#again),
      worstRedeliveryMs: this.#worstRedeliveryMs,
      delayedLateMs:
        late.length === 0
          ? undefined
          : { median: late[Math.floor(late.length / 2)] as number, worst: late.at(-1) as number },
      open: tasks.filter((task) => !finished(task) && task.dead === undefined).length,
    };
  }
}

export function finished({ runs }: Pick<TaskHistory, "runs">): boolean {
  return runs.some(({ end }) => end?.how === "returned");
}

/** A duplicate says that there is one already, so it is as good as accepted. */
export function accepted({ publications }: Pick<TaskHistory, "publications">): boolean {
  return publications.some(({ outcome }) => outcome?.status === "accepted" || outcome?.status === "duplicate");
}

function nameOf(reason: Reason): string {
  if (typeof reason === "string") return reason;
  return "fault" in reason ? reason.fault : reason.outage;
}
