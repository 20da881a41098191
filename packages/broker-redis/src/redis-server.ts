/** What a server is and how it is set: asked once per connect, and by `diagnose`. */

import { BrokerStorageError, type Diagnosis } from "@lovage/core/contracts";
import { REDIS_CODES } from "./redis-errors.ts";
import type { RedisConnection } from "./redis-port.ts";

export interface ServerFacts {
  readonly version: string;
  /** `redis`, `valkey`. */
  readonly product: string;
  readonly appendOnly: boolean;
  /** `always`, `everysec`, `no`; undefined where the server does not tell. */
  readonly appendFsync: string | undefined;
  /** How often it answered before it had written, because its disk was behind with an fsync; since it was started. */
  readonly delayedFsyncs: number;
  readonly evictionPolicy: string | undefined;
  readonly maxMemory: number | undefined;
  readonly usedMemory: number | undefined;
  readonly replicas: number;
}

const OLDEST = [6, 2] as const;

/** Throws `BrokerStorageError` for a server that is too old. */
export async function learn(connection: RedisConnection): Promise<ServerFacts> {
  const info = parse(String(await connection.call("info", [])));
  const facts: ServerFacts = {
    version: info.get("redis_version") ?? "unknown",
    product: info.has("valkey_version") ? "valkey" : "redis",
    appendOnly: info.get("aof_enabled") === "1",
    appendFsync: await setting(connection, "appendfsync"),
    delayedFsyncs: number(info.get("aof_delayed_fsync")) ?? 0,
    evictionPolicy: info.get("maxmemory_policy"),
    maxMemory: number(info.get("maxmemory")),
    usedMemory: number(info.get("used_memory")),
    replicas: number(info.get("connected_slaves")) ?? 0,
  };
  checkVersion(facts.version);
  return facts;
}

export function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]) || Number.isNaN(major)) return;
  throw new BrokerStorageError(`this server is Redis ${version}; Lovage needs 6.2 or newer (any Valkey will do)`, {
    code: REDIS_CODES.oldServer,
    subject: { version },
  });
}

/** What an operator should know, in the order of what it may cost. */
export function findings(facts: ServerFacts): readonly Diagnosis[] {
  const { version, product, evictionPolicy, maxMemory = 0, usedMemory = 0, appendOnly } = facts;
  const evicts = evictionPolicy !== undefined && evictionPolicy !== "noeviction";
  return [
    { check: "server", level: "ok", finding: `${product} ${version}` },
    evicts
      ? {
          check: "eviction",
          level: maxMemory > 0 ? "error" : "warning",
          finding: `maxmemory-policy is ${evictionPolicy}: when memory is full this server throws messages away`,
          advice: "set maxmemory-policy noeviction; then publishing is refused instead",
        }
      : { check: "eviction", level: "ok", finding: "maxmemory-policy is noeviction" },
    appendOnly
      ? { check: "append-only file", level: "ok", finding: "appendonly is yes" }
      : {
          check: "append-only file",
          level: "warning",
          finding: "appendonly is no: what was accepted since the last snapshot is gone when this server ends",
          advice: "set appendonly yes",
        },
    ...(appendOnly ? [syncFinding(facts)] : []),
    maxMemory > 0 && usedMemory > maxMemory * 0.9
      ? {
          check: "memory",
          level: "warning",
          finding: `${Math.round((100 * usedMemory) / maxMemory)} % of maxmemory is used; at 100 % publishing is refused`,
          advice: "consume, purge, or raise maxmemory",
        }
      : { check: "memory", level: "ok", finding: `${Math.round(usedMemory / 1_048_576)} MiB used` },
  ];
}

function syncFinding({ appendFsync, delayedFsyncs }: ServerFacts): Diagnosis {
  switch (appendFsync) {
    case "always":
      return { check: "fsync", level: "ok", finding: "appendfsync is always: what is accepted survives a power cut" };
    case "no":
      return {
        check: "fsync",
        level: "warning",
        finding: "appendfsync is no: a power cut may take half a minute of messages",
        advice: "set appendfsync everysec, or always",
      };
    case "everysec":
      if (delayedFsyncs > 0) {
        return {
          check: "fsync",
          level: "warning",
          finding: `appendfsync is everysec, and the disk was behind ${delayedFsyncs} times: a kill of the server at such a moment may take the last two seconds, as a power cut may`,
          advice: "give Redis a faster disk, or set appendfsync always",
        };
      }
      return {
        check: "fsync",
        level: "ok",
        finding: "appendfsync is everysec: a power cut may take the last two seconds",
      };
    default:
      return { check: "fsync", level: "ok", finding: "appendfsync is not shown to this user" };
  }
}

/** Undefined where a managed service hides it. */
async function setting(connection: RedisConnection, name: string): Promise<string | undefined> {
  try {
    const answer = await connection.call("config", ["get", name]);
    if (Array.isArray(answer)) return answer[1] === undefined ? undefined : String(answer[1]);
    return (answer as Record<string, string> | null)?.[name];
  } catch (error) {
    if ((error as Error).name === "ReplyError") return undefined;
    throw error;
  }
}

function parse(info: string): ReadonlyMap<string, string> {
  const lines = info.split("\r\n").filter((line) => line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const));
}

function number(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || !Number.isFinite(value) ? undefined : value;
}
