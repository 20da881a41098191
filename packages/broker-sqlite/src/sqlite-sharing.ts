/**
 * A broker and the result store on the same file share one connection, and with it one transaction per tick. Two brokers of one process do
 * not: each is a worker or producer of its own.
 */

import type { StorageSettings } from "./sqlite-options.ts";
import { SqliteStore } from "./sqlite-store.ts";

export type Role = "broker" | "results";

interface Shared {
  readonly key: string;
  readonly store: SqliteStore;
  readonly users: Set<Role>;
}

const open = new Set<Shared>();

export interface Tenancy {
  readonly store: SqliteStore;
  /** Waits for what was asked; the last one to leave closes the file. */
  leave(): Promise<void>;
}

export function enter(settings: StorageSettings, role: Role): Tenancy {
  const { path, placement } = settings;
  const key = `${placement} ${path}`;
  let shared = [...open].find((one) => one.key === key && !one.users.has(role));
  if (shared === undefined) {
    shared = { key, store: new SqliteStore(settings), users: new Set() };
    open.add(shared);
  }
  const { store, users } = shared;
  users.add(role);
  let left: Promise<void> | undefined;
  const leave = async (): Promise<void> => {
    if (users.size > 1) {
      users.delete(role);
      return store.settled();
    }
    open.delete(shared);
    return store.close();
  };
  return { store, leave: () => (left ??= leave()) };
}
