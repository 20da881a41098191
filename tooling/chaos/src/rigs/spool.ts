import { join } from "node:path";
import type { Rig, RigKind } from "./rig.ts";

/** A folder of files: no server, nothing in between, so no faults of its own. */
export const spool: RigKind = {
  name: "spool",
  faults: [],
  stopsAll: false,
  requeue: "atomic",
  async open(folder): Promise<Rig> {
    return {
      url: `spool:${join(folder, "spool")}`,
      strike: (fault) => Promise.reject(new Error(`a spool knows no fault "${fault}"`)),
      async [Symbol.asyncDispose](): Promise<void> {},
    };
  },
};
