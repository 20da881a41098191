/** Many runs through a pool, or through anything that runs things, as fast as it takes them. */

import { randomUUID } from "node:crypto";
import type { Pool, PoolContext } from "@lovage/core/contracts";
import { loadApp } from "@lovage/core/executors";

const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const app = await loadApp(new URL(`./app${extension}`, import.meta.url).href);
const ids = Array.from({ length: 1_000 }, () => randomUUID());

export const poolContext: PoolContext = {
  name: "bench",
  app,
  worker: { id: "bench", host: "localhost", pid: process.pid, startedAt: Date.now(), version: "0" },
  client: undefined as never,
  onProgress: () => {},
  onLog: () => {},
};

/** Tasks a second. */
export async function drainPool(pool: Pool, tasks: number, task = "noop", ...args: unknown[]): Promise<number> {
  const { body } = app.definition.codec.encodeCall({ args });
  const headers = { task, publishedAt: Date.now(), result: false as const };
  return await drain(tasks, pool.capacity, (number) => {
    const id = ids[number % 1_000] as string;
    return pool.run({ id, task, queue: "io", headers, body, attempt: 1, deliveries: 1, retriesLeft: 0 }).outcome;
  });
}

/** Keeps `inFlight` calls open until `calls` have ended. Calls a second. */
export async function drain(
  calls: number,
  inFlight: number,
  call: (number: number) => PromiseLike<unknown>,
): Promise<number> {
  let begun = 0;
  let ended = 0;
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const next = (): void => {
      if (begun < calls) call(begun++).then(over);
    };
    const over = (): void => {
      ended++;
      if (ended === calls) resolve();
      else next();
    };
    for (let open = 0; open < inFlight; open++) next();
  });
  return (calls / (performance.now() - startedAt)) * 1_000;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}
