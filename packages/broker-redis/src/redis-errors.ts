/** What Redis and ioredis say, as errors of Lovage. The only file that knows their words. */

import {
  BrokerBlockedError,
  BrokerFullError,
  BrokerStorageError,
  BrokerUnavailableError,
  isLovageError,
  type LovageError,
  PublishRefusedError,
} from "@lovage/core/contracts";

/** Codes of `BrokerStorageError`s of this adapter. */
export const REDIS_CODES = {
  newerLayout: "BROKER_STORAGE_NEWER_LAYOUT",
  oldServer: "BROKER_STORAGE_OLD_SERVER",
  refused: "BROKER_STORAGE_ACCESS_REFUSED",
} as const;

/** The server answers so while it cannot work for us, and will do so again without us: it starts, fails over, moves slots, or runs a long script. */
const PASSING =
  /^-?(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED|BUSY|NOREPLICAS|UNKILLABLE)\b|Too many Cluster redirections/;
/** This connection leads to a server that is not the master any more. */
const WRONG_SERVER = /^-?(READONLY|MASTERDOWN|UNBLOCKED)\b/;
const ACCESS =
  /^-?(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password|ERR invalid username|ERR DB index)\b|without any password configured/;
const FULL = /^-?OOM\b|: OOM |-OOM /;
const BLOCKED = /^-?MISCONF\b/;

/** What was sent and has no answer may have been carried out; what the server answered with an error was not. */
export class LinkError extends BrokerUnavailableError {
  readonly maybeDone: boolean;
  constructor(message: string, options: { readonly maybeDone: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.maybeDone = options.maybeDone;
  }
}

export function isReply(error: unknown): boolean {
  return (error as Error)?.name === "ReplyError";
}

export const isPassing = (error: unknown): boolean => PASSING.test(messageOf(error));
export const isWrongServer = (error: unknown): boolean => WRONG_SERVER.test(messageOf(error));
/** A node of a cluster has gone; the others have not. */
export const isNodeLoss = (error: unknown): boolean =>
  /^Connection is closed|^Stream isn't writeable|ECONNREFUSED/.test(messageOf(error));
export const isUnknownScript = (error: unknown): boolean => /NOSCRIPT/.test(messageOf(error));
export const isFull = (error: unknown): boolean => FULL.test(messageOf(error));

/**
 * An error of Lovage for whatever a command or a connection failed with. ioredis puts the command with its arguments, which are bodies and headers,
 * on its errors, so none of them is passed on: only their text is.
 */
export function errorOf(error: unknown, address: string): LovageError {
  if (isLovageError(error)) return error;
  const message = messageOf(error);
  const cause = new Error(message);
  if (FULL.test(message)) {
    return new BrokerFullError(`${address} has no memory left (maxmemory); consume some messages or raise it`, {
      cause,
    });
  }
  if (BLOCKED.test(message)) {
    return new BrokerBlockedError(`${address} cannot write to its disk and refuses commands; see its log`, { cause });
  }
  if (ACCESS.test(message)) {
    return new BrokerStorageError(
      `${address} refuses access (${message}); check user, password and the user's rights`,
      {
        code: REDIS_CODES.refused,
        cause,
      },
    );
  }
  if (!isReply(error)) return new LinkError(`${address} cannot be reached: ${message}`, { maybeDone: true, cause });
  if (isPassing(error)) return new LinkError(`${address} is not ready: ${message}`, { maybeDone: false, cause });
  return new PublishRefusedError(`${address} says: ${message}`, { cause });
}

/** The first line, without what ioredis appends for scripts. */
function messageOf(error: unknown): string {
  const { message = String(error) } = (error ?? {}) as { message?: string };
  return String(message).split("\n", 1)[0]?.slice(0, 500) ?? "";
}
