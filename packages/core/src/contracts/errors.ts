/**
 * Every error that Lovage throws or rejects with is a {@link LovageError}: a stable `code` to branch on, a message that says what
 * to do, and the subject (queue, task, pool …) as fields. Match by code through {@link isLovageError}: two copies of this package
 * may meet in one process, so `instanceof` is not a promise.
 */

const BRAND = Symbol.for("lovage.error");

export interface LovageErrorOptions {
  readonly cause?: unknown;
  /** Whether the same call may succeed later without a change by the caller. Default false. */
  readonly retryable?: boolean;
  /** What the error is about: `{ queue: "mail" }`. Never holds bodies, headers or credentials. */
  readonly subject?: Readonly<Record<string, unknown>>;
}

export class LovageError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly subject: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: LovageErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.subject = options.subject ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for an error of Lovage, of any copy of this package; with `code`, only for that one. */
export function isLovageError(error: unknown, code?: string): error is LovageError {
  return (
    typeof error === "object" &&
    error !== null &&
    BRAND in error &&
    (code === undefined || (error as unknown as LovageError).code === code)
  );
}

/** An option, flag, URL or definition that cannot work. Thrown before anything is started. */
export class ConfigurationError extends LovageError {
  constructor(message: string, options: LovageErrorOptions & { code?: string } = {}) {
    super(options.code ?? "CONFIGURATION", message, options);
  }
}

/** A feature that the broker or pool in use does not have was asked for. `subject.capability` names it. */
export class CapabilityMissingError extends LovageError {
  constructor(message: string, options: LovageErrorOptions & { subject: { capability: string } }) {
    super("CAPABILITY_MISSING", message, options);
  }
}

export class UnknownTaskError extends LovageError {
  constructor(task: string, known: readonly string[]) {
    const listed = known.length === 0 ? "it registers none" : `it registers: ${known.slice(0, 20).join(", ")}`;
    super("UNKNOWN_TASK", `task "${task}" is not registered by this app (${listed}); add it to createApp({ tasks })`, {
      subject: { task },
    });
  }
}

export class DuplicateTaskError extends LovageError {
  constructor(name: string) {
    super("DUPLICATE_TASK", `two tasks are named "${name}" (names and aliases share one space); rename one of them`, {
      subject: { task: name },
    });
  }
}

/** A value cannot make the trip. `subject.path` points at it: `args[1].when`. */
export class NotSerializableError extends LovageError {
  constructor(path: string, what: string, options: LovageErrorOptions = {}) {
    super("NOT_SERIALIZABLE", `${path} is ${what}, which JSON cannot carry; send plain data instead`, {
      ...options,
      subject: { path, ...options.subject },
    });
  }
}

export class BodyTooLargeError extends LovageError {
  constructor(bytes: number, limit: number, subject: Readonly<Record<string, unknown>> = {}) {
    super(
      "BODY_TOO_LARGE",
      `the message body is ${bytes} bytes, the limit is ${limit}; store the data elsewhere and send a reference to it`,
      { subject: { bytes, limit, ...subject } },
    );
  }
}

/** The bytes of a message or result cannot be read by the codec. Never retried: they will not get better. */
export class DecodeError extends LovageError {
  constructor(message: string, options: LovageErrorOptions = {}) {
    super("DECODE", message, options);
  }
}

/** Arguments or a return value failed the task's schema. Never retried. */
export class ValidationError extends LovageError {
  constructor(message: string, options: LovageErrorOptions = {}) {
    super("VALIDATION", message, options);
  }
}

export class NoBrokerError extends LovageError {
  constructor(task: string) {
    super(
      "NO_BROKER",
      `cannot enqueue "${task}": its app has no broker; pass one to createApp({ broker }), ` +
        `or use connect(url) from the package lovage (a worker started by the command supplies its own)`,
      { subject: { task } },
    );
  }
}

export class NoResultStoreError extends LovageError {
  constructor(
    message = "this app has no result store; pass one to createApp({ results }) or start the worker with --results",
  ) {
    super("NO_RESULT_STORE", message);
  }
}

export class QueueNotFoundError extends LovageError {
  constructor(queue: string, options: LovageErrorOptions = {}) {
    super("QUEUE_NOT_FOUND", `queue "${queue}" does not exist; declare it with ensureQueue first`, {
      ...options,
      subject: { queue },
    });
  }
}

/** The broker said no: the message is not in the queue and will not be. */
export class PublishRefusedError extends LovageError {
  constructor(message: string, options: LovageErrorOptions = {}) {
    super("PUBLISH_REFUSED", message, options);
  }
}

/** The message may or may not be there. Publishing again with the same id is safe. `subject.id` is that id. */
export class PublishOutcomeUnknownError extends LovageError {
  constructor(id: string, options: LovageErrorOptions = {}) {
    super("PUBLISH_UNKNOWN", `it is not known whether message ${id} was stored; enqueue again with the same id`, {
      ...options,
      retryable: true,
      subject: { id, ...options.subject },
    });
  }
}

export class BrokerUnavailableError extends LovageError {
  constructor(message: string, options: LovageErrorOptions = {}) {
    super("BROKER_UNAVAILABLE", message, { retryable: true, ...options });
  }
}

/** No room for another message: refused, nothing evicted. Consuming and settling still work. */
export class BrokerFullError extends LovageError {
  constructor(message: string, options: LovageErrorOptions = {}) {
    super("BROKER_FULL", message, { retryable: true, ...options });
  }
}

/** The server holds publishers back for now (memory or disk alarm). */
export class BrokerBlockedError extends LovageError {
  constructor(message: string, options: LovageErrorOptions = {}) {
    super("BROKER_BLOCKED", message, { retryable: true, ...options });
  }
}

export class BrokerClosedError extends LovageError {
  constructor(message = "the broker is closed; open a new one") {
    super("BROKER_CLOSED", message);
  }
}

/** The broker's storage cannot be used: corrupt, read-only, a newer layout. The message says which and what to do. */
export class BrokerStorageError extends LovageError {
  constructor(message: string, options: LovageErrorOptions & { code?: string } = {}) {
    super(options.code ?? "BROKER_STORAGE", message, options);
  }
}

/** The app module could not be used. `subject.file` names it. */
export class AppLoadError extends LovageError {
  constructor(message: string, options: LovageErrorOptions & { code?: string } = {}) {
    super(options.code ?? "APP_LOAD", message, options);
  }
}

/** An executor ended before it was ready. The message carries its last output. */
export class ExecutorStartError extends LovageError {
  constructor(message: string, options: LovageErrorOptions = {}) {
    super("EXECUTOR_START", message, options);
  }
}

/** `run()` was called on a pool without a free slot: a bug of the caller. */
export class PoolBusyError extends LovageError {
  constructor(pool: string) {
    super("POOL_BUSY", `pool "${pool}" has no free slot; check \`free\` before run()`, { subject: { pool } });
  }
}

export class PoolClosedError extends LovageError {
  constructor(pool: string) {
    super("POOL_CLOSED", `pool "${pool}" is closed`, { subject: { pool } });
  }
}

/** The reason on a task's `AbortSignal` when its soft limit has passed. */
export class SoftLimitError extends LovageError {
  constructor(limitMs: number) {
    super("SOFT_LIMIT", `the task passed its soft limit of ${limitMs} ms`, { subject: { limitMs }, retryable: true });
  }
}

export class HardLimitError extends LovageError {
  constructor(limitMs: number) {
    super("HARD_LIMIT", `the task passed its hard limit of ${limitMs} ms and was stopped`, {
      subject: { limitMs },
      retryable: true,
    });
  }
}

export class TaskCancelledError extends LovageError {
  constructor(id: string, reason?: string) {
    super("TASK_CANCELLED", `task ${id} was cancelled${reason === undefined ? "" : `: ${reason}`}`, {
      subject: { id },
    });
  }
}

/** What `run.result()` rejects with when the task failed for good. `error` is the task's own error as data. */
export class TaskFailedError extends LovageError {
  readonly error: ErrorData;
  constructor(id: string, error: ErrorData) {
    super("TASK_FAILED", `task ${id} failed: ${error.name}: ${error.message}`, { subject: { id }, cause: error });
    this.error = error;
  }
}

export class ResultTimeoutError extends LovageError {
  constructor(id: string, timeoutMs: number) {
    super("RESULT_TIMEOUT", `task ${id} has no result after ${timeoutMs} ms; it may still finish`, {
      retryable: true,
      subject: { id, timeoutMs },
    });
  }
}

/** No record of this id: never stored, expired, or the task keeps no result. */
export class ResultNotFoundError extends LovageError {
  constructor(id: string) {
    super(
      "RESULT_NOT_FOUND",
      `there is no result of ${id}: the id is wrong, the task has not finished, keeps no result, or its result has expired`,
      { subject: { id } },
    );
  }
}

/** The result goes to the process that enqueued the task, which this is not; or it was here, and has expired. */
export class ResultElsewhereError extends LovageError {
  constructor(id: string, store: string) {
    super(
      "RESULT_ELSEWHERE",
      `the result of ${id} is not here: results "${store}" go to the process that enqueued the task and to no other, and expire; ask there, or keep results in a store that anyone can read`,
      { subject: { id, store } },
    );
  }
}

/** A result for this process may have been sent while it could not arrive. The task is not lost: it ran, or will. */
export class ResultLostError extends LovageError {
  constructor(id: string, why: string) {
    super("RESULT_LOST", `the result of ${id} may be lost: ${why}; the task itself is not`, { subject: { id } });
  }
}

/** An error as it travels: plain data, never a class. `name` is the constructor's name, `stack` may be cut to 16 KiB. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** `error.code` where it is a string or number. */
  readonly code?: string | number;
  readonly cause?: ErrorData;
}

const MAX_CAUSES = 5;
const MAX_STACK = 16_384;
const MAX_MESSAGE = 65_536;

/** Turns anything that was thrown into {@link ErrorData}. Never throws, whatever getters the value has. */
export function errorData(thrown: unknown, depth = 0): ErrorData {
  try {
    if (thrown instanceof Error || (typeof thrown === "object" && thrown !== null && "message" in thrown)) {
      const error = thrown as Error & { code?: unknown };
      const code = typeof error.code === "string" || typeof error.code === "number" ? error.code : undefined;
      const cause = error.cause === undefined || depth >= MAX_CAUSES ? undefined : errorData(error.cause, depth + 1);
      return {
        name: String(error.name ?? "Error"),
        message: String(error.message).slice(0, MAX_MESSAGE),
        ...(typeof error.stack === "string" ? { stack: error.stack.slice(0, MAX_STACK) } : {}),
        ...(code === undefined ? {} : { code }),
        ...(cause === undefined ? {} : { cause }),
      };
    }
    return { name: "NonError", message: String(thrown).slice(0, MAX_MESSAGE) };
  } catch {
    return { name: "NonError", message: "a value that cannot be shown was thrown" };
  }
}
