/** Ways for a task to end other than by returning or by an error of its own. */

import { LovageError } from "../contracts/errors.ts";
import type { Directive } from "../contracts/pool.ts";
import type { Duration } from "../contracts/task.ts";
import { durationMs } from "./duration.ts";

const DIRECTIVE = Symbol.for("lovage.directive");

class Retry extends LovageError {
  constructor(directive: Directive & { type: "retry" }, cause: unknown) {
    const when = directive.delayMs === undefined ? "" : ` in ${directive.delayMs} ms`;
    super("RETRY", `the task asked to be tried again${when}`, { cause, retryable: true });
    Object.defineProperty(this, DIRECTIVE, { value: directive });
  }
}

class Reject extends LovageError {
  constructor(directive: Directive & { type: "reject" }, cause: unknown) {
    super("REJECTED", directive.reason, { cause });
    Object.defineProperty(this, DIRECTIVE, { value: directive });
  }
}

/**
 * `throw retry({ in: "5m" })`: another attempt after that long, or after the task's usual backoff. It counts as an attempt like any
 * failure, so it needs `retry.attempts`; the last one fails. `cause` is what the log shows as the reason.
 */
export function retry(options: { readonly in?: Duration; readonly cause?: unknown } = {}): LovageError {
  const directive: Directive =
    options.in === undefined ? { type: "retry" } : { type: "retry", delayMs: durationMs(options.in, "retry({ in })") };
  return new Retry(directive, options.cause);
}

/** `throw reject("no such customer")`: to the dead letters with this reason, without further attempts. */
export function reject(reason: string, options: { readonly cause?: unknown } = {}): LovageError {
  return new Reject({ type: "reject", reason: String(reason) }, options.cause);
}

/** What a thrown value asks for; undefined for ordinary errors. Knows the directives of any copy of this package. */
export function directiveOf(thrown: unknown): Directive | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  return (thrown as { [DIRECTIVE]?: Directive })[DIRECTIVE];
}
