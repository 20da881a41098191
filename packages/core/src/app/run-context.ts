/** What a running task sees of itself. Made once per run, so it computes nothing before it is asked. */

import type { Headers } from "../contracts/message.ts";
import type { RunRequest, TaskLogEntry, TaskProgressEntry } from "../contracts/pool.ts";
import type { AppDefinition, TaskLog } from "../contracts/task.ts";
import { nowMs } from "./clock.ts";
import { clonable } from "./clonable.ts";
import type { RunningContext } from "./run-storage.ts";

export interface RunHooks {
  onProgress(entry: TaskProgressEntry): void;
  onLog(entry: TaskLogEntry): void;
}

export class RunContext implements RunningContext {
  readonly app: AppDefinition;
  /** Registered name: the message may carry an alias. */
  readonly task: string;
  readonly #request: RunRequest;
  readonly #control: { readonly signal: AbortSignal };
  readonly #hooks: RunHooks;
  #log: TaskLog | undefined;
  #trace: RunningContext["trace"] | null = null;

  constructor(
    app: AppDefinition,
    task: string,
    request: RunRequest,
    control: { readonly signal: AbortSignal },
    hooks: RunHooks,
  ) {
    this.app = app;
    this.task = task;
    this.#request = request;
    this.#control = control;
    this.#hooks = hooks;
  }

  get id(): string {
    return this.#request.id;
  }

  get queue(): string {
    return this.#request.queue;
  }

  get attempt(): number {
    return this.#request.attempt;
  }

  get deliveries(): number {
    return this.#request.deliveries;
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  get deadline(): number | undefined {
    return this.#request.deadline;
  }

  get headers(): Headers {
    return this.#request.headers;
  }

  get root(): string {
    return this.#request.headers.root ?? this.#request.id;
  }

  get parent(): string | undefined {
    return this.#request.headers.parent;
  }

  get trace(): RunningContext["trace"] {
    if (this.#trace === null) this.#trace = traceOf(this.#request.headers);
    return this.#trace;
  }

  get log(): TaskLog {
    this.#log ??= {
      debug: (message, fields) => this.#write("debug", message, fields),
      info: (message, fields) => this.#write("info", message, fields),
      warn: (message, fields) => this.#write("warn", message, fields),
      error: (message, fields) => this.#write("error", message, fields),
    };
    return this.#log;
  }

  /** A getter, so that `const { progress } = currentTask()` works as it looks. */
  get progress(): (value: unknown) => void {
    return (value) => this.#hooks.onProgress({ id: this.id, at: nowMs(), progress: this.app.codec.encodeValue(value) });
  }

  #write(level: TaskLogEntry["level"], message: string, fields: TaskLogEntry["fields"]): void {
    const { id, task, attempt } = this;
    const entry = { id, task, attempt, at: nowMs(), level, message: String(message) };
    this.#hooks.onLog(fields === undefined ? entry : { ...entry, fields: clonable(fields) });
  }
}

function traceOf(headers: Headers): RunningContext["trace"] {
  const found = Object.entries(headers).filter(([name, value]) => name.startsWith("trace.") && value !== undefined);
  return found.length === 0 ? undefined : (Object.fromEntries(found) as NonNullable<RunningContext["trace"]>);
}
