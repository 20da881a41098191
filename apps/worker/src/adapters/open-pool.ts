/** Pools by kind. The package of a kind is imported when it is used, and not before. */

import { ConfigurationError, type Pool, type PoolOptions } from "@lovage/core/contracts";
import { availableCpus } from "../flags/cpu-quota.ts";
import { BUILT_IN_KINDS, poolKind } from "../flags/pool-kind.ts";
import type { PoolModule } from "./adapter-module.ts";
import { loadPackage } from "./load-package.ts";
import type { OpenOptions } from "./open.ts";

const BUILT_IN: Readonly<Record<string, () => Promise<PoolModule>>> = {
  event: async () => {
    const { eventPool } = await import("@lovage/pool-event");
    return { openPool: ({ kind: _, ...options }) => eventPool(options) };
  },
  process: async () => {
    const { processPool } = await import("@lovage/pool-process");
    return { openPool: ({ kind: _, size = availableCpus(), ...options }) => processPool({ size, ...options }) };
  },
  thread: async () => {
    const { threadPool } = await import("@lovage/pool-thread");
    return { openPool: ({ kind: _, size = availableCpus(), ...options }) => threadPool({ size, ...options }) };
  },
  solo: async () => {
    const { soloPool } = await import("@lovage/pool-solo");
    return { openPool: ({ kind: _, ...options }) => soloPool(options) };
  },
};

/** A pool that is not yet started. Sizes of computing pools default to the CPUs that affinity and the container's quota leave. */
export async function openPool(spec: PoolOptions, options: OpenOptions = {}): Promise<Pool> {
  const kind = poolKind(spec.kind, "pool");
  const builtIn = BUILT_IN[kind];
  if (builtIn !== undefined) return (await builtIn()).openPool({ ...spec, kind });
  const name = `lovage-pool-${kind}`;
  const missing = `no pool of kind "${kind}"; built in are ${BUILT_IN_KINDS.join(", ")}. If there is one for it: npm install ${name}`;
  const cwd = process.cwd();
  const module = (await loadPackage(
    name,
    [options.from ?? cwd, cwd, import.meta.dirname],
    missing,
  )) as Partial<PoolModule>;
  if (typeof module.openPool !== "function") {
    throw new ConfigurationError(`the package ${name} exports no function openPool(options)`);
  }
  return module.openPool({ ...spec, kind });
}
