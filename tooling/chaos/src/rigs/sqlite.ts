import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WatchedProcess } from "@lovage/processes";
import type { Rig, RigKind } from "./rig.ts";

const LOCKER = fileURLToPath(new URL("./sqlite-locker.ts", import.meta.url));

/** A file in the run's folder. Its one fault is a stranger who holds the write lock. */
export const sqlite: RigKind = {
  name: "sqlite",
  faults: [
    {
      name: "lock",
      aims: "broker",
      forMs: [200, 4_500],
      // Longer than a lease at times. Holders renew before anyone reaps, so nothing may run twice because of it.
      excuses: false,
      does: "another process holds the write lock",
    },
  ],
  stopsAll: true,
  requeue: "atomic",
  async open(folder): Promise<Rig> {
    const path = join(folder, "queue.db");
    const lockers = new Set<WatchedProcess>();
    return {
      url: `sqlite:${path}`,
      async strike(): Promise<() => Promise<void>> {
        const locker = new WatchedProcess([LOCKER, path]);
        lockers.add(locker);
        await locker.line(({ text }) => text === "locked", "holding the lock");
        // The lock goes with the process, as that of any program that is killed in a transaction.
        return async () => {
          await locker.kill("SIGKILL");
          lockers.delete(locker);
        };
      },
      async [Symbol.asyncDispose](): Promise<void> {
        await Promise.all([...lockers].map((locker) => locker.kill("SIGKILL")));
      },
    };
  },
};
