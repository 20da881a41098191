/** Brokers that come with the command. Each is imported when its scheme is named, and not before. */

import path from "node:path";
import type { SqliteOptions } from "@lovage/broker-sqlite";
import { ConfigurationError } from "@lovage/core/contracts";
import type { AdapterOptions, BrokerModule } from "./adapter-module.ts";

const DEFAULT_FILE = "./lovage.db";

/** `sqlite:./a.db` is relative to `directory`; `sqlite:/var/a.db` and `sqlite:///var/a.db` are absolute; `sqlite:` alone is the default file. */
export function sqliteFile(url: URL, directory: string): string {
  if (url.host !== "") {
    throw new ConfigurationError(
      `"sqlite://${url.host}${url.pathname}" names a server, but SQLite is a file; write sqlite:./${url.host}${url.pathname} or sqlite:/absolute/path.db`,
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw new ConfigurationError(`"sqlite:${url.pathname}" takes no options after the file's name`);
  }
  const file = decodeURIComponent(url.pathname);
  return path.resolve(directory, file === "" ? DEFAULT_FILE : file);
}

const sqlite = async (): Promise<BrokerModule> => {
  const { sqliteBroker, sqliteResults } = await import("@lovage/broker-sqlite");
  // A thread of its own keeps a slow disk off the caller's loop, and costs 40 ms that a short command need not wait.
  const options = (url: URL, { directory, purpose }: AdapterOptions): SqliteOptions => ({
    path: sqliteFile(url, directory),
    placement: purpose === "command" ? "loop" : "thread",
  });
  return {
    openBroker: (url, adapter) => sqliteBroker(options(url, adapter)),
    openResults: (url, adapter) => sqliteResults(options(url, adapter)),
  };
};

const memory = async (): Promise<BrokerModule> => {
  const { memoryBroker, memoryResults } = await import("@lovage/core/memory");
  return { openBroker: () => memoryBroker(), openResults: () => memoryResults() };
};

export const BUILT_IN: Readonly<Record<string, () => Promise<BrokerModule>>> = { sqlite, memory };
