import { readFileSync } from "node:fs";
import { backoff } from "@lovage/core/brokers";
import { ConfigurationError } from "@lovage/core/contracts";
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { errorOf } from "./nats-errors.ts";
import { NatsLink } from "./nats-link.ts";
import type { NatsConnectOptions, Settings } from "./nats-options.ts";
import type { NatsConnection } from "./nats-port.ts";

const DEFAULT_SERVER = "nats://127.0.0.1:4222";
/** Between two tries of one server, less a random part: a fleet does not come back all at once. */
const RECONNECT_MS = 300;

/** One try. Rejects with an error of Lovage's; one that waiting does not mend is not `retryable`. */
export async function openLink(settings: Settings, signal: AbortSignal, name: string): Promise<NatsLink> {
  const { apiPrefix, inboxPrefix, operationTimeoutMs: timeoutMs, connection: given } = settings;
  const owned = given === undefined || typeof given === "function";
  const connection = owned ? await dial(() => given?.() ?? ownConnection(settings, name), signal) : given;
  if (connection.isClosed()) {
    throw new ConfigurationError(
      "the connection that was passed in is closed; pass an open one, or a function that makes one",
    );
  }
  return new NatsLink(connection, { apiPrefix, inboxPrefix, timeoutMs, owned });
}

async function dial(make: () => Promise<NatsConnection>, signal: AbortSignal): Promise<NatsConnection> {
  try {
    const connection = await make();
    if (signal.aborted) {
      await connection.close();
      signal.throwIfAborted();
    }
    return connection;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw errorOf(error);
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
  if (credentials !== undefined) found.push(credsAuthenticator(Buffer.from(credentials)));
  if (nkeySeed !== undefined) found.push(nkeyAuthenticator(Buffer.from(nkeySeed)));
  if (token !== undefined) found.push(tokenAuthenticator(token));
  if (user !== undefined) found.push(usernamePasswordAuthenticator(user, password));
  return found;
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
