import { readFileSync } from "node:fs";
import { backoff } from "@lovage/core/brokers";
import { BrokerUnavailableError, ConfigurationError, type LovageError } from "@lovage/core/contracts";
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { errorOf } from "../nats-errors.ts";
import type { NatsConnectOptions, Settings } from "../nats-options.ts";
import { NatsLink } from "./nats-link.ts";
import type { NatsConnection } from "./nats-port.ts";

const DEFAULT_SERVER = "nats://127.0.0.1:4222";
/** Between two tries of one server, less a random part: a fleet does not come back all at once. */
const RECONNECT_MS = 300;

/** One try. Rejects with an error of Lovage's; one that waiting does not mend is not `retryable`. */
export async function openLink(settings: Settings, signal: AbortSignal, name: string): Promise<NatsLink> {
  const { apiPrefix, inboxPrefix, operationTimeoutMs: timeoutMs, connection: given } = settings;
  const owned = given === undefined || typeof given === "function";
  const connection = owned ? await dial(settings, () => given?.() ?? ownConnection(settings, name), signal) : given;
  if (connection.isClosed()) {
    throw new ConfigurationError(
      "the connection that was passed in is closed; pass an open one, or a function that makes one",
    );
  }
  return new NatsLink(connection, {
    apiPrefix,
    inboxPrefix,
    timeoutMs,
    owned,
    explain: (error) => explain(settings, error),
  });
}

/** What the server only calls a violation may be told from the credentials themselves. */
function explain({ connect: { credentials, tls } }: Settings, error: unknown): LovageError {
  const explained = errorOf(error);
  const certified = typeof tls === "object" && (tls.cert ?? tls.certFile) !== undefined;
  if (tls && !certified && (error as Error | undefined)?.name === "TimeoutError") {
    return new BrokerUnavailableError(
      "the server did not answer in time; if it asks clients for a certificate, give one (tls.certFile and tls.keyFile)",
      { cause: error },
    );
  }
  if (credentials === undefined || explained.code !== "BROKER_CREDENTIALS") return explained;
  const expiredAt = expiryOf(credentials);
  if (expiredAt === undefined || expiredAt > Date.now()) return explained;
  return new ConfigurationError(
    `the server does not let us in: the user's JWT in the credentials expired at ${new Date(expiredAt).toISOString()}; issue new credentials for this user (nsc generate creds)`,
    { code: "BROKER_CREDENTIALS", cause: error },
  );
}

/** Ms since the epoch; undefined for credentials that do not expire or cannot be read now. */
function expiryOf(credentials: string | (() => string)): number | undefined {
  try {
    const text = typeof credentials === "string" ? credentials : credentials();
    const [, claims = ""] = /^[\w-]+\.([\w-]+)\.[\w-]+\s*$/m.exec(text) ?? [];
    const { exp = 0 } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { exp?: number };
    return exp === 0 ? undefined : exp * 1_000;
  } catch {
    return undefined;
  }
}

async function dial(
  settings: Settings,
  make: () => Promise<NatsConnection>,
  signal: AbortSignal,
): Promise<NatsConnection> {
  try {
    const connection = await make();
    if (signal.aborted) {
      await connection.close();
      signal.throwIfAborted();
    }
    return connection;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw explain(settings, error);
  }
}

async function ownConnection(settings: Settings, name: string): Promise<NatsConnection> {
  return (await connect(clientOptions(settings.connect, settings, name))) as unknown as NatsConnection;
}

function clientOptions(
  options: NatsConnectOptions,
  { inboxPrefix, operationTimeoutMs, heartbeatMs }: Settings,
  name: string,
): ConnectionOptions {
  const { servers = DEFAULT_SERVER, tls } = options;
  const list = typeof servers === "string" ? servers.split(",") : [...servers];
  const authenticator = authenticators({ ...credentialsOf(list), ...options });
  return {
    servers: list.map((server) => server.replace(/^[a-z+]+:\/\//, "").replace(/^.*@/, "")),
    name,
    inboxPrefix,
    noAsyncTraces: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    // An operator who renews credentials need not restart workers.
    ignoreAuthErrorAbort: true,
    pingInterval: heartbeatMs,
    // The second that goes out without the first having been answered ends the connection.
    maxPingOut: 1,
    timeout: Math.min(5_000, operationTimeoutMs),
    reconnectDelayHandler: () => backoff(1, RECONNECT_MS),
    ...(authenticator.length > 0 && { authenticator }),
    ...((tls || list.some((server) => server.startsWith("tls://"))) && {
      tls: typeof tls === "object" ? { ...tls } : {},
    }),
  };
}

/** `nats://user:password@host`, `nats://token@host`: the client itself reads only hosts. The first that has any is for all. */
function credentialsOf(servers: readonly string[]): Pick<NatsConnectOptions, "user" | "password" | "token"> {
  const found = servers
    .map((server) => /^(?:[a-z+]+:\/\/)?([^@/]*)@/.exec(server)?.[1])
    .find((each) => each !== undefined);
  if (found === undefined) return {};
  const [user = "", password] = found.split(":").map(decodeURIComponent);
  return password === undefined ? { token: user } : { user, password };
}

function authenticators(options: NatsConnectOptions): Authenticator[] {
  const { user, password, token, credentials, nkeySeed } = options;
  const found: Authenticator[] = [];
  if (credentials !== undefined) found.push(fromCredentials(credentials));
  if (nkeySeed !== undefined) found.push(nkeyAuthenticator(Buffer.from(nkeySeed)));
  if (token !== undefined) found.push(tokenAuthenticator(token));
  if (user !== undefined) found.push(usernamePasswordAuthenticator(user, password));
  return found;
}

/** Tried once before anybody is asked: what is no credentials file does not get better by trying. */
function fromCredentials(credentials: string | (() => string)): Authenticator {
  let last = "";
  const authenticator = credsAuthenticator(() => {
    try {
      last = typeof credentials === "string" ? credentials : credentials();
    } catch (error) {
      // While it is being replaced: as before.
      if (last === "") throw error;
    }
    // The client looks for the end of the last line, which is gone where a file was trimmed.
    return Buffer.from(`${last.replaceAll("\r\n", "\n")}\n`);
  });
  try {
    authenticator("nonce");
  } catch {
    throw new ConfigurationError("credentials: this is no credentials file (a user's JWT and the seed of its nkey)");
  }
  return authenticator;
}

/** Throws `ConfigurationError` when it cannot be read. Its contents are a secret and in no message. */
export function readSecret(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigurationError(
      `${what}: cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? "unknown"})`,
    );
  }
}
