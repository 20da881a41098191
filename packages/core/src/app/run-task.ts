/**
 * One run of a task inside an executor: from the message's bytes to an outcome. Everything of the user's that concerns a run (schemas,
 * middleware, the function, `retry.on`, `backoff`) is called here and nowhere else. Part of what every executor imports, so it knows
 * nothing of brokers and clients.
 */

import {
  DecodeError,
  errorData,
  isLovageError,
  LovageError,
  NotSerializableError,
  UnknownTaskError,
} from "../contracts/errors.ts";
import { ENVELOPE_VERSION } from "../contracts/message.ts";
import type { AbortReason, Directive, Outcome, RunRequest } from "../contracts/pool.ts";
import type { AppDefinition } from "../contracts/task.ts";
import { nowMs } from "./clock.ts";
import { directiveOf } from "./directives.ts";
import { durationMs } from "./duration.ts";
import { RunContext, type RunHooks } from "./run-context.ts";
import { planOf, type RunPlan } from "./run-plan.ts";
import { runStorage } from "./run-storage.ts";
import { validated } from "./schema.ts";

export type { RunHooks } from "./run-context.ts";

export interface RunControl {
  /** Read only when the task asks for it, or when it has thrown: a getter may create it then. Its reason is a `LovageError`. */
  readonly signal: AbortSignal;
}

/** Runs a task to its end. Never rejects: however the run ends, the answer is an outcome. */
export async function runTask(
  app: AppDefinition,
  request: RunRequest,
  control: RunControl,
  hooks: RunHooks,
): Promise<Outcome> {
  const plan = planOf(app, request.task);
  if (plan === undefined) return refused(new UnknownTaskError(request.task, app.tasks.names()), "unknown-task");
  let args: readonly unknown[];
  try {
    args = decoded(app, request);
  } catch (error) {
    return refused(error, "undecodable");
  }
  const context = new RunContext(app, plan.name, request, control, hooks);
  if (plan.argsSchema !== undefined) {
    try {
      args = (await runStorage.run(context, validated, plan.argsSchema, args, "args", plan.name)) as readonly unknown[];
    } catch (error) {
      return refused(error, "invalid");
    }
  }
  const startedAt = nowMs();
  try {
    let value: unknown = runStorage.run(context, plan.invoke, args, context);
    if (isThenable(value)) value = await value;
    const durationMs = nowMs() - startedAt;
    if (plan.returnsSchema !== undefined) {
      try {
        value = await runStorage.run(context, validated, plan.returnsSchema, value, "value", plan.name);
      } catch (error) {
        return { ...refused(error, "invalid"), startedAt, durationMs };
      }
    }
    if (value === undefined || !keepsResult(plan, request)) return { type: "returned", startedAt, durationMs };
    return encoded(app, plan, value, startedAt, durationMs);
  } catch (error) {
    return endedByThrowing(plan, request, control, context, error, startedAt, nowMs() - startedAt);
  }
}

/** The arguments of a message. Throws `DecodeError` for what this version and this codec cannot read. */
function decoded(app: AppDefinition, request: RunRequest): readonly unknown[] {
  const { headers, body } = request;
  const { contentType, compression, contentEncoding, v } = headers;
  if (v !== undefined && v > ENVELOPE_VERSION) {
    throw new DecodeError(`envelope version ${v} is newer than ${ENVELOPE_VERSION}, the newest known here`);
  }
  const given = contentType ?? "application/json";
  if (given !== app.codec.contentType && given.split(";", 1)[0]?.trim() !== app.codec.contentType) {
    throw new DecodeError(`the body is ${given}; this app reads ${app.codec.contentType}`);
  }
  if (compression !== undefined && compression !== "none") {
    throw new DecodeError(`the body is compressed (${compression}), which this app cannot read`);
  }
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== "utf-8") {
    throw new DecodeError(`the body is ${contentEncoding} text; this app reads utf-8`);
  }
  return app.codec.decodeCall(body, headers).args;
}

function keepsResult(plan: RunPlan, request: RunRequest): boolean {
  const { result } = request.headers;
  return result === undefined ? plan.keepsResult : result !== false;
}

/** The task has done its work, so trying again would do it twice: a value that cannot travel fails without further attempts. */
function encoded(app: AppDefinition, plan: RunPlan, value: unknown, startedAt: number, durationMs: number): Outcome {
  try {
    return { type: "returned", value: app.codec.encodeValue(value), startedAt, durationMs };
  } catch (cause) {
    const path = isLovageError(cause) && typeof cause.subject.path === "string" ? cause.subject.path : "value";
    const error = new LovageError(
      isLovageError(cause) ? cause.code : "NOT_SERIALIZABLE",
      `task "${plan.name}" ran, but its result cannot travel: ${errorData(cause).message}; or set result: false`,
      { cause, subject: { task: plan.name, path } },
    );
    error.name = NotSerializableError.name;
    return { type: "threw", error: errorData(error), directive: { type: "fail" }, startedAt, durationMs };
  }
}

function endedByThrowing(
  plan: RunPlan,
  request: RunRequest,
  control: RunControl,
  context: RunContext,
  thrown: unknown,
  startedAt: number,
  durationMs: number,
): Outcome {
  const error = errorData(thrown);
  const { signal } = control;
  if (signal.aborted) return { type: "aborted", reason: abortReasonOf(signal.reason), error, startedAt, durationMs };
  const directive = directiveOf(thrown) ?? retryDirective(plan, request, context, thrown);
  if (directive === undefined) return { type: "threw", error, startedAt, durationMs };
  return { type: "threw", error, directive, startedAt, durationMs };
}

/** What `retry.on` and `backoff` say. If they throw themselves, that is logged and the usual backoff holds. */
function retryDirective(
  plan: RunPlan,
  request: RunRequest,
  context: RunContext,
  thrown: unknown,
): Directive | undefined {
  const { on, backoff } = plan;
  if (request.retriesLeft <= 0 || (on === undefined && backoff === undefined)) return undefined;
  try {
    if (on !== undefined && !runStorage.run(context, on, thrown, request.attempt)) return { type: "fail" };
    if (backoff === undefined) return undefined;
    const delay = runStorage.run(context, backoff, request.attempt, thrown);
    return { type: "retry", delayMs: durationMs(delay, `task "${plan.name}": what retry.backoff returned`) };
  } catch (error) {
    context.log.error("retry.on or retry.backoff threw; the task is retried with the usual backoff", { error });
    return undefined;
  }
}

function refused(
  error: unknown,
  code: NonNullable<(Directive & { type: "fail" })["code"]>,
): Outcome & { type: "threw" } {
  return { type: "threw", error: errorData(error), directive: { type: "fail", code } };
}

const ABORT_REASONS: Readonly<Record<string, AbortReason>> = {
  SOFT_LIMIT: "soft-limit",
  TASK_CANCELLED: "cancelled",
  SHUTDOWN: "shutdown",
  DELIVERY_LOST: "lost",
};

function abortReasonOf(reason: unknown): AbortReason {
  return (isLovageError(reason) ? ABORT_REASONS[reason.code] : undefined) ?? "cancelled";
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
