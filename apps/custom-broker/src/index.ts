import { resolve } from "node:path";
import { type Broker, ConfigurationError } from "@lovage/core/contracts";
import { spoolBroker } from "./spool-broker.ts";

export { spoolBroker } from "./spool-broker.ts";

/**
 * What makes `--broker spool:./jobs` work: the command looks for the package `lovage-broker-spool`, because the URL begins with `spool:`,
 * and calls this. `directory` is the folder that relative paths start from.
 */
export function openBroker(url: URL, { directory }: { readonly directory: string }): Broker {
  const { host, pathname, search } = url;
  if (host !== "" || search !== "" || pathname === "") {
    throw new ConfigurationError(`a spool is a folder: write spool:./folder or spool:/absolute/folder, without "?"`);
  }
  return spoolBroker({ folder: resolve(directory, decodeURIComponent(pathname)) });
}
