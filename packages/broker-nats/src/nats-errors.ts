/** What servers and clients say is wrong, in the words of the contract. */

import {
  BrokerFullError,
  BrokerStorageError,
  BrokerUnavailableError,
  ConfigurationError,
  isLovageError,
  LovageError,
  PublishRefusedError,
} from "@lovage/core/contracts";
import type { NatsMessage } from "./connection/nats-port.ts";

/** Of the JetStream API (server/errors.json). */
export const API_CODES = {
  consumerNotFound: 10014,
  messageNotFound: 10037,
  notEnabledForAccount: 10039,
  streamNotFound: 10059,
  streamNameInUse: 10058,
  subjectsOverlap: 10065,
  invalidConfig: 10052,
  wrongLastSequence: 10071,
  consumerExists: 10148,
} as const;

/** No room: for messages, bytes, messages of a subject, the account's or the server's storage. */
const FULL: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10122]);
/** The store failed: because a limit was reached, or because the disk did. */
const STORE_FAILED = 10077;
/** Not now: no leader, a server that catches up or starts, offline parts of a cluster. */
const PASSING: ReadonlySet<number> = new Set([10005, 10006, 10008, 10009, 10118, 10119]);

/** What the JetStream API said. Does not leave this package. */
export class NatsApiError extends Error {
  readonly code: number;
  readonly status: number;

  constructor(code: number, status: number, description: string) {
    super(description);
    this.name = "NatsApiError";
    this.code = code;
    this.status = status;
  }
}

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof NatsApiError && error.code === code;
}

function isFull({ code, message }: NatsApiError): boolean {
  return FULL.has(code) || (code === STORE_FAILED && /maximum .* exceeded|no space|insufficient/i.test(message));
}

export function isPassing(error: unknown): boolean {
  if (!(error instanceof NatsApiError) || isFull(error) || error.code === STORE_FAILED) return false;
  return PASSING.has(error.code) || error.status === 503;
}

/** The error in an answer of the API, if it is one. */
export function apiError(answer: NatsMessage): NatsApiError | undefined {
  const text = Buffer.from(answer.data).toString();
  if (!text.includes('"error"')) return undefined;
  const { error } = JSON.parse(text) as { error?: { code?: number; err_code?: number; description?: string } };
  if (error === undefined) return undefined;
  return new NatsApiError(error.err_code ?? 0, error.code ?? 0, error.description ?? "unknown error");
}

/** Why a message was not stored: for good (`refused`), or maybe not (`undefined`: ask again, or say unknown). */
export function publishRefusal(error: NatsApiError, queue: string): LovageError | undefined {
  if (isFull(error)) {
    return new BrokerFullError(
      `queue "${queue}" has no room: ${error.message}; let workers drain it, or raise the limits of its stream`,
      { subject: { queue }, cause: error },
    );
  }
  if (error.code === STORE_FAILED) {
    return new BrokerStorageError(
      `the server cannot write the stream of queue "${queue}" (${error.message}); look at its disk and log`,
      {
        subject: { queue },
        retryable: true,
        cause: error,
      },
    );
  }
  if (isPassing(error)) return undefined;
  return new PublishRefusedError(`the server refused it: ${error.message}`, { subject: { queue }, cause: error });
}

/** Names of the clients' errors that waiting does not mend, of both versions. */
const HOPELESS =
  /authoriz|authentic|permission|nkey|user jwt|BAD_CREDS|AUTHORIZATION_VIOLATION|AUTHENTICATION_EXPIRED/i;

const EXPIRED = /authentication.expired/i;

const UNTRUSTED = /ERR_TLS_CERT|CERT_|_CERT|self.signed|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/i;

/** Whether a client says that the server turned it away, not that it may not do one thing. */
export function isTurnedAway(error: unknown): boolean {
  const { name = "", message = "" } = (error ?? {}) as Partial<Error>;
  return /authorization.violation|authentication.(expired|timeout)/i.test(`${name} ${message} ${String(error)}`);
}

export function errorOf(error: unknown): LovageError {
  if (isLovageError(error)) return error;
  if (error instanceof NatsApiError) {
    if (error.code === API_CODES.notEnabledForAccount) {
      return new ConfigurationError(
        "JetStream is not enabled for this account; enable it, or connect as another user",
        {
          cause: error,
        },
      );
    }
    if (isFull(error)) return new BrokerFullError(`the server has no room: ${error.message}`, { cause: error });
    if (isPassing(error) || error.status >= 500) {
      return new BrokerUnavailableError(`JetStream cannot answer now: ${error.message}`, { cause: error });
    }
    return new LovageError("BROKER_REFUSED", `JetStream refused: ${error.message}`, { cause: error });
  }
  const {
    name = "Error",
    message = String(error),
    code,
  } = (error ?? {}) as { name?: string; message?: string; code?: unknown };
  const text = `${name} ${String(code)} ${message}`;
  if (UNTRUSTED.test(text)) {
    return new ConfigurationError(
      `the server's certificate is not accepted (${message.split("\n")[0]}); give the authority that signed it (tls.caFile), and a host name that it is for`,
      { code: "BROKER_CERTIFICATE", cause: error },
    );
  }
  if (EXPIRED.test(text)) {
    return new ConfigurationError(
      `the server does not let us in (${message}): the credentials have expired; issue new ones for this user (nsc generate creds)`,
      { code: "BROKER_CREDENTIALS", cause: error },
    );
  }
  if (HOPELESS.test(text)) {
    return new ConfigurationError(
      `the server does not let us in (${message}); check user, password, token, nkey or credentials file, and the account's permissions`,
      { code: "BROKER_CREDENTIALS", cause: error },
    );
  }
  return new BrokerUnavailableError(`the server cannot be reached: ${message}`, { cause: error });
}
