/** What amqplib and the server say, in Lovage's words. */

import {
  BrokerUnavailableError,
  ConfigurationError,
  isLovageError,
  type LovageError,
  QueueNotFoundError,
} from "@lovage/core/contracts";

const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;
const RESOURCE_LOCKED = 405;
const PRECONDITION_FAILED = 406;
const NOT_ALLOWED = 530;

/** The server's reply code; 0 for what is no reply of the server. */
function replyCode(error: unknown): number {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code === "number") return code;
  // Refusals of a handshake carry theirs in the text only.
  return Number(/\b(403|530) \((?:ACCESS|NOT)[-_]/.exec(messageOf(error))?.[1] ?? 0);
}

export const isMissing = (error: unknown): boolean => replyCode(error) === NOT_FOUND;
/** A stream is not there: its server has just begun, or this node of the cluster has no copy of it. */
export const isStreamAway = (error: unknown): boolean => isMissing(error) || hasNoReplica(error);
export const isLocked = (error: unknown): boolean => replyCode(error) === RESOURCE_LOCKED;
/** The server gave up waiting for a settlement, and closed the channel. */
export const isAckTimeout = (error: unknown): boolean =>
  replyCode(error) === PRECONDITION_FAILED && messageOf(error).includes("delivery acknowledgement");

function hasNoReplica(error: unknown): boolean {
  return replyCode(error) === PRECONDITION_FAILED && /does not have a( running)? replica/.test(messageOf(error));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** For a queue's sake, where there is one. Errors carry the server's text, which names queues and arguments but no message's content. */
export function rabbitMqError(error: unknown, queue?: string): LovageError {
  if (isLovageError(error)) return error;
  const subject = queue === undefined ? {} : { queue };
  const text = serverText(error);
  if (hasNoReplica(error)) {
    return new BrokerUnavailableError(
      `this node of RabbitMQ's cluster has no copy of the journal: ${text}; name several nodes, so that another can be tried`,
      { cause: error },
    );
  }
  switch (replyCode(error)) {
    case NOT_FOUND:
      return queue === undefined
        ? new BrokerUnavailableError(`RabbitMQ misses something: ${text}`, { cause: error })
        : new QueueNotFoundError(queue, { cause: error });
    case PRECONDITION_FAILED:
      return new ConfigurationError(
        `queue ${queue === undefined ? "" : `"${queue}" `}is there with other arguments: ${text}; use the options it was declared with (queueType, ackTimeoutMs), another prefix, or drain and delete it`,
        { cause: error, subject },
      );
    case ACCESS_REFUSED:
      return new ConfigurationError(`RabbitMQ refuses access: ${text}; check user, password and permissions`, {
        subject,
      });
    case NOT_ALLOWED:
      return new ConfigurationError(`RabbitMQ does not allow it: ${text}; check the virtual host in the URL`, {
        subject,
      });
    default:
      return new BrokerUnavailableError(`RabbitMQ is not reachable: ${text}`, { cause: error, subject });
  }
}

/** The part that the server wrote. */
function serverText(error: unknown): string {
  const text = messageOf(error);
  return (
    /with message "([\s\S]*)"$/.exec(text)?.[1] ?? (text === "" ? String((error as { code?: unknown }).code) : text)
  );
}
