/** Which run the present code belongs to. One storage per thread, shared by all copies of this package that meet in it. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { AppDefinition, TaskContext } from "../contracts/task.ts";

/** A context as kept in the storage: it also knows its app, and what enqueues made by the run inherit. */
export interface RunningContext extends TaskContext {
  readonly app: AppDefinition;
  /** The run's headers that begin with `trace.`, passed on to what it enqueues; undefined when there are none. */
  readonly trace: Readonly<Record<string, string | number | boolean>> | undefined;
}

const KEY = Symbol.for("lovage.run-storage");
const shared = globalThis as { [KEY]?: AsyncLocalStorage<RunningContext> };
shared[KEY] ??= new AsyncLocalStorage<RunningContext>();

export const runStorage: AsyncLocalStorage<RunningContext> = shared[KEY];

export function currentRun(): RunningContext | undefined {
  return runStorage.getStore();
}
