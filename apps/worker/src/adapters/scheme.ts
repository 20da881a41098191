import { ConfigurationError } from "@lovage/core/contracts";

/** Well-known schemes and the package that serves each; SQLite and memory come with the command. */
const PACKAGES: Readonly<Record<string, string>> = {
  redis: "@lovage/broker-redis",
  rediss: "@lovage/broker-redis",
  "redis+sentinel": "@lovage/broker-redis",
  "rediss+sentinel": "@lovage/broker-redis",
  "redis+cluster": "@lovage/broker-redis",
  "rediss+cluster": "@lovage/broker-redis",
  amqp: "@lovage/broker-rabbitmq",
  amqps: "@lovage/broker-rabbitmq",
  nats: "@lovage/broker-nats",
  "nats+tls": "@lovage/broker-nats",
};

const LEGAL =
  "sqlite:./lovage.db, memory:, redis://host:6379, amqp://host, nats://host, or <scheme>: of an installed package lovage-broker-<scheme>";

/** For messages: the URL without its user, password and query, all of which may hold secrets. */
function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^/@]*@/, "//…@").replace(/\?.*$/s, "");
}

/** The URL of a broker or result store. `what` names where it came from: `--broker`. */
export function parseAdapterUrl(text: string, what: string): URL {
  const shown = withoutSecrets(text);
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1];
  if (scheme === undefined) {
    const meant = /^[^:]+\.(?:db|sqlite3?)$/i.test(text) ? ` (did you mean sqlite:${text}?)` : "";
    throw new ConfigurationError(`${what}: "${shown}" has no scheme${meant}; legal are ${LEGAL}`);
  }
  if (scheme.toLowerCase() in PACKAGES && !text.slice(scheme.length).startsWith("://")) {
    throw new ConfigurationError(
      `${what}: "${shown}" is not a URL of a server; write ${scheme}://host or ${scheme}://user:password@host:port`,
    );
  }
  try {
    return new URL(severalHosts(text));
  } catch (cause) {
    throw new ConfigurationError(
      `${what}: "${shown}" is not a valid URL (check the port and that special characters in user and password are percent-encoded); legal are ${LEGAL}`,
      { cause: (cause as { code?: unknown }).code },
    );
  }
}

/** `scheme://a:1,b:2/…` has several hosts, which a URL has not: with the colons of their ports encoded they are one, for the adapter to take apart. */
function severalHosts(text: string): string {
  return text.replace(/^([^:/]+:\/\/(?:[^/?#]*@)?)([^/?#@]*,[^/?#@]*)/, (_, before: string, hosts: string) => {
    return before + hosts.replaceAll(":", "%3A");
  });
}

export function schemeOf(url: URL): string {
  return url.protocol.slice(0, -1);
}

/** The package that serves a scheme, by name or by convention. */
export function packageOf(scheme: string): string {
  return PACKAGES[scheme] ?? `lovage-broker-${scheme}`;
}

/** One line for a scheme whose package is installed nowhere. */
export function missingAdapter(scheme: string): string {
  const name = packageOf(scheme);
  return scheme in PACKAGES
    ? `${scheme}: needs the package ${name}; install it: npm install ${name}`
    : `no adapter for "${scheme}:"; legal are ${LEGAL}. If there is one for it: npm install ${name}`;
}
