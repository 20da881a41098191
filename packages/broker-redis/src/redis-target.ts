/** From a URL or options to what the port connects to, and to an address for people. */

import { ConfigurationError } from "@lovage/core/contracts";
import type { Cluster, Redis, RedisOptions } from "ioredis";
import type { RedisPlace } from "./redis-options.ts";
import type { RedisTarget } from "./redis-port.ts";

export interface Place {
  readonly target: RedisTarget;
  /** Without credentials. */
  readonly address: string;
  /** What the URL says besides where: overridden by options of the same name. */
  readonly prefix?: string;
}

const DEFAULT_PORT = 6379;
const SENTINEL_PORT = 26379;
const LEGAL =
  "redis://host:6379/0, redis+sentinel://host:26379,host/master-name, redis+cluster://host:6379,host, redis+unix:/path; with TLS rediss://, rediss+sentinel://, rediss+cluster://";

/** Throws `ConfigurationError` for what leads nowhere. */
export function placeOf(place: RedisPlace): Place {
  if ("url" in place) return placeOfUrl(place.url);
  if ("redis" in place) return { target: { kind: "server", options: place.redis }, address: addressOf(place.redis) };
  if ("cluster" in place) {
    const nodes = place.cluster.map((node) => (typeof node === "string" ? hostPort(node, DEFAULT_PORT) : node));
    if (nodes.length === 0) throw new ConfigurationError("cluster names no node; give at least one");
    return { target: { kind: "cluster", nodes, options: place.options ?? {} }, address: clusterAddress(nodes) };
  }
  if ("client" in place) {
    const { client } = place;
    const address = isCluster(client)
      ? clusterAddress(client.nodes("all").map(({ options: { host = "?", port = 0 } }) => ({ host, port })))
      : addressOf(client.options as RedisOptions);
    return { target: { kind: "client", client }, address };
  }
  throw new ConfigurationError("give one of url, redis, cluster or client");
}

function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster;
}

function placeOfUrl(given: string | URL): Place {
  const text = String(given);
  const match = /^(rediss?)(?:\+(sentinel|cluster|unix))?:(?:\/\/)?(.*)$/is.exec(text);
  if (match === null)
    throw new ConfigurationError(`"${withoutSecrets(text)}" is not a URL of Redis; legal are ${LEGAL}`);
  const [, scheme = "", kind, rest = ""] = match;
  const tls = scheme.toLowerCase() === "rediss";
  const [beforeQuery = "", query = ""] = splitAt(rest, "?");
  const parameters = new URLSearchParams(query);
  const prefix = parameters.get("prefix") ?? undefined;
  for (const name of parameters.keys()) {
    if (name !== "prefix") {
      throw new ConfigurationError(
        `a URL of Redis takes no "${name}"; it takes prefix, everything else is an option of redisBroker()`,
      );
    }
  }
  const more = prefix === undefined ? {} : { prefix };
  const at = beforeQuery.lastIndexOf("@");
  const options: RedisOptions = { ...credentials(at < 0 ? "" : beforeQuery.slice(0, at)), ...(tls ? { tls: {} } : {}) };
  const place = beforeQuery.slice(at + 1);
  if (kind?.toLowerCase() === "unix")
    return {
      target: { kind: "server", options: { ...options, path: place } },
      address: `redis+unix:${place}`,
      ...more,
    };
  const [hosts = "", ...path] = place.split("/");
  const nodesWith = (port: number): { host: string; port: number }[] =>
    decodeURIComponent(hosts)
      .split(",")
      .map((host) => hostPort(host, port));
  switch (kind?.toLowerCase()) {
    case "cluster": {
      const nodes = nodesWith(DEFAULT_PORT);
      if ((path[0] ?? "") !== "" && path[0] !== "0") throw new ConfigurationError("a cluster has database 0 only");
      const { tls: secure, ...login } = options;
      const redisOptions = { ...login, ...(secure === undefined ? {} : { tls: secure }) };
      return { target: { kind: "cluster", nodes, options: { redisOptions } }, address: clusterAddress(nodes), ...more };
    }
    case "sentinel": {
      const sentinels = nodesWith(SENTINEL_PORT);
      const name = decodeURIComponent(path[0] ?? "");
      if (name === "")
        throw new ConfigurationError(`a Sentinel URL names its master: redis+sentinel://host:26379/mymaster`);
      const sentinelTls = tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {};
      const all = { ...options, ...sentinelTls, sentinels, name, db: databaseOf(path[1]) };
      return { target: { kind: "server", options: all }, address: addressOf(all), ...more };
    }
    default: {
      const [{ host, port } = { host: "", port: 0 }, ...others] = nodesWith(DEFAULT_PORT);
      if (others.length > 0)
        throw new ConfigurationError(`several hosts are a cluster or Sentinels; legal are ${LEGAL}`);
      const all = { ...options, host, port, db: databaseOf(path[0]) };
      return { target: { kind: "server", options: all }, address: addressOf(all), ...more };
    }
  }
}

function splitAt(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function credentials(text: string): RedisOptions {
  if (text === "") return {};
  const [username, password] = splitAt(text, ":");
  return {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
}

function databaseOf(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new ConfigurationError(`"${text}" is no database of Redis; it is a number`);
}

function hostPort(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s]*))(?::(\d{1,5}))?$/i.exec(text.trim());
  const port = Number(match?.[3] ?? defaultPort);
  if (match === null || port > 65_535) throw new ConfigurationError(`"${text}" is not a host and port`);
  const host = match[1] ?? match[2] ?? "";
  return { host: host === "" ? "127.0.0.1" : host, port };
}

function addressOf({
  host = "127.0.0.1",
  port = DEFAULT_PORT,
  path,
  db = 0,
  sentinels,
  name,
  tls,
}: RedisOptions): string {
  const scheme = tls ? "rediss" : "redis";
  const database = db === 0 ? "" : `/${db}`;
  if (sentinels) {
    const hosts = sentinels.map((sentinel) => `${sentinel.host ?? "127.0.0.1"}:${sentinel.port ?? SENTINEL_PORT}`);
    return `${scheme}+sentinel://${hosts.join(",")}/${name}${database}`;
  }
  return path ? `redis+unix:${path}` : `${scheme}://${host}:${port}${database}`;
}

function clusterAddress(nodes: readonly { readonly host: string; readonly port: number }[]): string {
  return `redis+cluster://${nodes.map(({ host, port }) => `${host}:${port}`).join(",")}`;
}

function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//…@").replace(/\?.*$/s, "");
}
