/** `currentTask()`: what the running task knows of itself, from anywhere below it. */

import type { TaskContext } from "../contracts/task.ts";
import { currentRun } from "./run-storage.ts";

/**
 * The context of the run that the present code belongs to. Outside a worker (a plain call, a unit test, a script) it is a local one
 * that does no harm: attempt 1, a signal that never aborts, progress that goes nowhere, and a log that goes to the console.
 */
export function currentTask(): TaskContext {
  return currentRun() ?? local;
}

const NIL = "00000000-0000-0000-0000-000000000000";
const never = new AbortController().signal;

const local: TaskContext = Object.freeze({
  id: NIL,
  task: "local",
  queue: "local",
  attempt: 1,
  deliveries: 1,
  signal: never,
  deadline: undefined,
  headers: Object.freeze({ task: "local" }),
  root: NIL,
  parent: undefined,
  progress: () => undefined,
  log: Object.freeze({
    debug: print("debug"),
    info: print("info"),
    warn: print("warn"),
    error: print("error"),
  }),
});

function print(level: "debug" | "info" | "warn" | "error"): (message: string, fields?: object) => void {
  return (message, fields) => (fields === undefined ? console[level](message) : console[level](message, fields));
}
