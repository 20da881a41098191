/** How a call becomes a message. */

import type { Codec } from "../contracts/codec.ts";
import { ConfigurationError } from "../contracts/errors.ts";
import type { Headers, HeaderValue, OutgoingMessage } from "../contracts/message.ts";
import type { ResolvedTask } from "../contracts/task.ts";
import type { SendOptions } from "./enqueue-options.ts";
import { newId } from "./ids.ts";
import { currentRun } from "./run-storage.ts";

const JSON_TYPE = "application/json";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * The message of one call, by this process's clock. Inside a run it is that run's child: it inherits `root`, `parent` and the headers
 * that begin with `trace.`. Throws `NotSerializableError`, and `ConfigurationError` for a message that would expire before it is due.
 */
export function messageOf(
  resolved: ResolvedTask,
  args: readonly unknown[],
  options: SendOptions,
  codec: Codec,
): OutgoingMessage {
  const now = Date.now();
  const headers: Mutable<Headers> & { [name: string]: HeaderValue | undefined } = {
    task: resolved.name,
    publishedAt: now,
  };
  const parent = currentRun();
  if (parent !== undefined) {
    headers.root = parent.root;
    headers.parent = parent.id;
    if (parent.trace !== undefined) Object.assign(headers, parent.trace);
  }
  const expiresMs = options.expiresMs ?? resolved.expiresMs;
  if (expiresMs !== undefined) headers.expiresAt = now + expiresMs;
  if (codec.contentType !== JSON_TYPE) headers.contentType = codec.contentType;
  if (options.headers !== undefined) {
    checkSoftLimit(resolved, options.headers);
    Object.assign(headers, options.headers);
  }
  const encoded = codec.encodeCall({ args });
  if (encoded.headers !== undefined) Object.assign(headers, encoded.headers);

  const dueAt = options.delayMs === undefined ? options.dueAt : now + options.delayMs;
  const message: Mutable<OutgoingMessage> = {
    id: options.id ?? newId(),
    queue: options.queue ?? resolved.queue,
    headers,
    body: encoded.body,
    priority: options.priority ?? resolved.priority,
  };
  if (dueAt !== undefined && dueAt > now) {
    if (headers.expiresAt !== undefined && dueAt >= headers.expiresAt) {
      throw new ConfigurationError(
        `a message for "${resolved.name}" would expire ${dueAt - headers.expiresAt} ms before it is due; ` +
          "make expires longer than the delay",
        { subject: { task: resolved.name } },
      );
    }
    message.dueAt = dueAt;
  }
  return message;
}

/** A soft limit of one message that could never pass, because the hard limit that somebody set for the task comes first. */
function checkSoftLimit(resolved: ResolvedTask, headers: Readonly<Record<string, HeaderValue>>): void {
  const softMs = headers["limit.soft"];
  if (softMs === undefined || headers["limit.hard"] !== undefined || !resolved.hardExplicit) return;
  if (Number(softMs) > resolved.hardMs) {
    throw new ConfigurationError(
      `with().limits.soft of ${softMs} ms is longer than the hard limit of ${resolved.hardMs} ms that "${resolved.name}" has; ` +
        "give limits.hard as well",
      { subject: { task: resolved.name } },
    );
  }
}
