import { runTask } from "../app/run-task.ts";
import type { TaskLike } from "../app/task-types.ts";
import type { AppDefinition, Headers, Outcome, RunRequest, TaskLogEntry } from "../contracts/index.ts";

export interface InlineOptions {
  /** Default 1. */
  readonly attempt?: number;
  /** Retries that would still be allowed. Default: what the task's options leave after `attempt`. */
  readonly retriesLeft?: number;
  /** Headers that the message carries besides the task's name. */
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  /** The run's id. Default `"inline"`. */
  readonly id?: string;
  /** What the task sees as `currentTask().signal`; abort it with a `LovageError` as the reason. */
  readonly signal?: AbortSignal;
}

export interface InlineRun {
  readonly outcome: Outcome;
  /** The returned value as a reader of the result would get it; undefined unless the outcome is `returned`. */
  readonly value: unknown;
  /** Everything reported through `progress()`, in order, as a reader would get it. */
  readonly progress: readonly unknown[];
  readonly logs: readonly TaskLogEntry[];
}

/**
 * Runs a task once in this very process, exactly as an executor does: arguments through the codec, schemas, middleware, context, the
 * result through the codec. No broker, no pool, no limits. Never rejects for the task's sake: how it ended is in `outcome`.
 */
export async function runInline(
  app: AppDefinition,
  task: TaskLike | string,
  args: readonly unknown[] = [],
  options: InlineOptions = {},
): Promise<InlineRun> {
  const name = typeof task === "string" ? task : task.definition.name;
  const resolved = app.resolve(name);
  const attempt = options.attempt ?? 1;
  const encoded = app.codec.encodeCall({ args });
  const { contentType } = app.codec;
  const headers: Headers = { task: name, contentType, ...options.headers, ...encoded.headers };
  const request: RunRequest = {
    id: options.id ?? "inline",
    task: name,
    queue: resolved.queue,
    headers,
    body: encoded.body,
    attempt,
    deliveries: attempt,
    retriesLeft: options.retriesLeft ?? Math.max(0, resolved.attempts - attempt),
  };
  const progress: unknown[] = [];
  const logs: TaskLogEntry[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const outcome = await runTask(
    app,
    request,
    { signal },
    {
      onProgress: (entry) => progress.push(app.codec.decodeValue(entry.progress)),
      onLog: (entry) => logs.push(entry),
    },
  );
  const returned = outcome.type === "returned" ? outcome.value : undefined;
  return { outcome, value: returned === undefined ? undefined : app.codec.decodeValue(returned), progress, logs };
}
