/** Errors across the boundary: plain data on the way, a `LovageError` with its code again on the other side. */

import { errorData, isLovageError, LovageError } from "../contracts/errors.ts";
import type { PublishOutcome } from "../contracts/message.ts";
import type { WireError } from "./protocol.ts";

export function toWire(thrown: unknown): WireError {
  const data = errorData(thrown);
  if (!isLovageError(thrown)) return data;
  return { ...data, lovage: { retryable: thrown.retryable, subject: plain(thrown.subject) } };
}

export function fromWire(error: WireError): Error {
  const cause = error.cause === undefined ? {} : { cause: error.cause };
  const made =
    error.lovage === undefined
      ? new Error(error.message, cause)
      : new LovageError(String(error.code), error.message, { ...error.lovage, ...cause });
  made.name = error.name;
  if (error.stack !== undefined) made.stack = error.stack;
  if (error.lovage === undefined && error.code !== undefined) Object.assign(made, { code: error.code });
  return made;
}

type WireOutcome = { readonly id: string; readonly status: PublishOutcome["status"]; readonly error?: WireError };

export function outcomesToWire(outcomes: readonly PublishOutcome[]): WireOutcome[] {
  return outcomes.map((outcome) => ("error" in outcome ? { ...outcome, error: toWire(outcome.error) } : outcome));
}

export function outcomesFromWire(outcomes: readonly WireOutcome[]): PublishOutcome[] {
  return outcomes.map(
    (outcome) =>
      (outcome.error === undefined ? outcome : { ...outcome, error: fromWire(outcome.error) }) as PublishOutcome,
  );
}

/** Subjects hold what an adapter put there; only what JSON can carry crosses. */
function plain(subject: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(subject)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
