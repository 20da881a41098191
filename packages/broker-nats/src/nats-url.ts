/** `nats://user:password@host:4222,host2:4222?domain=hub`, read into options. Pure but for secrets, which are read from files. */

import { resolve } from "node:path";
import { ConfigurationError } from "@lovage/core/contracts";
import { readSecret } from "./connection/nats-connect.ts";
import type { NatsBrokerOptions } from "./nats-options.ts";

const LEGAL = [
  "servers",
  "creds",
  "nkey",
  "token",
  "tls",
  "ca",
  "cert",
  "key",
  "domain",
  "apiPrefix",
  "inboxPrefix",
  "namespace",
  "replicas",
  "bands",
  "dedupeWindowMs",
  "maxBytes",
  "operationTimeoutMs",
  "heartbeatMs",
] as const;
type Parameter = (typeof LEGAL)[number];

/** Throws `ConfigurationError` that names what is legal. `directory`: where relative paths begin. */
export function optionsOf(url: URL, directory: string): NatsBrokerOptions {
  const given = new Map<Parameter, string>();
  for (const [name, value] of url.searchParams) {
    if (!(LEGAL as readonly string[]).includes(name)) {
      throw new ConfigurationError(`"${name}" is no option of a NATS URL; legal are ${LEGAL.join(", ")}`, {
        subject: { option: name },
      });
    }
    given.set(name as Parameter, value);
  }
  const secret = (name: Parameter): string | undefined => {
    const file = given.get(name);
    return file === undefined ? undefined : readSecret(resolve(directory, file), name).trim();
  };
  /** Read now, so that a wrong path is told at once, and again for each connection. */
  const renewable = (name: Parameter): (() => string) | undefined => {
    const read = (): string | undefined => secret(name);
    return read() === undefined ? undefined : () => read() as string;
  };
  const file = (name: Parameter): string | undefined => {
    const path = given.get(name);
    return path === undefined ? undefined : resolve(directory, path);
  };
  const number = (name: Parameter): number | undefined => {
    const text = given.get(name);
    return text === undefined ? undefined : Number(text);
  };
  const { username, password } = url;
  const user = decodeURIComponent(username);
  const files = defined({ caFile: file("ca"), certFile: file("cert"), keyFile: file("key") });
  const tls = Object.keys(files).length > 0 ? files : isTls(url) || truthy(given.get("tls"));
  return defined({
    servers: servers(url, given.get("servers")),
    // As in other clients: a user without a password is a token.
    ...(user !== "" && password === "" ? { token: user } : {}),
    ...(password === "" ? {} : { user, password: decodeURIComponent(password) }),
    ...(given.has("token") && { token: given.get("token") }),
    credentials: renewable("creds"),
    nkeySeed: secret("nkey"),
    tls: tls === false ? undefined : tls,
    domain: given.get("domain"),
    apiPrefix: given.get("apiPrefix"),
    inboxPrefix: given.get("inboxPrefix"),
    namespace:
      given.get("namespace") ?? (url.pathname.length > 1 ? decodeURIComponent(url.pathname.slice(1)) : undefined),
    replicas: number("replicas"),
    bands: number("bands"),
    dedupeWindowMs: number("dedupeWindowMs"),
    maxBytes: number("maxBytes"),
    operationTimeoutMs: number("operationTimeoutMs"),
    heartbeatMs: number("heartbeatMs"),
  }) as NatsBrokerOptions;
}

function isTls({ protocol }: URL): boolean {
  return protocol === "nats+tls:" || protocol === "tls:";
}

function servers(url: URL, more: string | undefined): readonly string[] {
  // Several hosts arrive as one, with the colons of their ports encoded.
  const hosts = [decodeURIComponent(url.host) || "127.0.0.1:4222", more ?? ""]
    .join(",")
    .split(",")
    .filter((each) => each !== "");
  return hosts.map((host) => `${isTls(url) ? "tls" : "nats"}://${host}`);
}

function truthy(text: string | undefined): boolean {
  return text !== undefined && text !== "false" && text !== "0";
}

function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
