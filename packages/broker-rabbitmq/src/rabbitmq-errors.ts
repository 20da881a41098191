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
      return accessError(text, subject);
    case NOT_ALLOWED:
      return new ConfigurationError(
        `RabbitMQ does not allow it: ${text}; check the virtual host in the URL (percent-encoded), and that the user may use it`,
        { subject },
      );
    default:
      return handshakeError(error, text) ?? unreachable(error, text, subject);
  }
}

function accessError(text: string, subject: Readonly<Record<string, unknown>>): LovageError {
  if (/login was refused/i.test(text)) {
    return new ConfigurationError(
      `RabbitMQ does not let us in: ${text}; check user and password, or the client certificate`,
      {
        code: "BROKER_CREDENTIALS",
      },
    );
  }
  return new ConfigurationError(
    `RabbitMQ refuses access: ${text}; give the user configure, write and read on ^lovage: (or your prefix), amq.default and amq.rabbitmq.reply-to`,
    { code: "BROKER_PERMISSION", subject },
  );
}

/** Codes of OpenSSL's and Node's, and what they put into their texts. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|UNKNOWN_CA|self.signed/i;

/** What waiting does not mend, of the ways in. */
function handshakeError(error: unknown, text: string): LovageError | undefined {
  const { code = "" } = (error ?? {}) as { readonly code?: unknown };
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(String(code))) {
    return new ConfigurationError(
      "RabbitMQ does not speak TLS there; give its TLS port (5671 unless it is set), or use amqp:",
      { cause: error },
    );
  }
  if (UNTRUSTED.test(String(code))) {
    return new ConfigurationError(
      `a certificate is not accepted: ${text.split("\n")[0]}; give the authority that signed the server's (ca), a host name that it is for (servername), and a client certificate that the server's authority signed, if it asks for one`,
      { code: "BROKER_CERTIFICATE", cause: error },
    );
  }
  // The client library keeps the server's reason to itself.
  if (/Expected ConnectionOpenOk; got <ConnectionClose/.test(text)) {
    return new ConfigurationError(
      "RabbitMQ does not open the virtual host: check its name in the URL (percent-encoded, case counts), that the user may use it, and that it takes further connections; the server's log says which it is",
      { code: "BROKER_VHOST", cause: error },
    );
  }
  if (/SASL mechanism/.test(text)) {
    return new ConfigurationError(
      `RabbitMQ does not offer it: ${text}; for client certificates enable the plugin rabbitmq_auth_mechanism_ssl and add EXTERNAL to auth_mechanisms, or give a user and password`,
      { code: "BROKER_CREDENTIALS", cause: error },
    );
  }
  return undefined;
}

function unreachable(error: unknown, text: string, subject: Readonly<Record<string, unknown>>): LovageError {
  return new BrokerUnavailableError(`RabbitMQ is not reachable: ${text}`, { cause: error, subject });
}

/** The part that the server wrote. */
function serverText(error: unknown): string {
  const text = messageOf(error);
  return (
    /with message "([\s\S]*)"$/.exec(text)?.[1] ?? (text === "" ? String((error as { code?: unknown }).code) : text)
  );
}
