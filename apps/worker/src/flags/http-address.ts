import { ConfigurationError } from "@lovage/core/contracts";

export interface HttpAddress {
  /** Undefined listens on all interfaces. */
  readonly host?: string;
  readonly port: number;
}

/** `:9464`, `127.0.0.1:9464`, `[::1]:9464` or `9464`. Port 0 takes a free one. */
export function parseHttpAddress(text: string): HttpAddress {
  const match = /^(?:(\[[0-9a-f:.]+\]|[^:[\]]*):)?(\d+)$/i.exec(text.trim());
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new ConfigurationError(`--http: "${text}" is not an address; write :9464, 127.0.0.1:9464 or [::1]:9464`);
  }
  const host = match[1]?.replaceAll(/[[\]]/g, "");
  return host === undefined || host === "" ? { port } : { host, port };
}
