/**
 * How a task value and the apps that list it find each other. The brand is `Symbol.for`, because the task and the app may come from
 * two copies of this package; so this file is a protocol between them, and changes only additively.
 */

import { ConfigurationError } from "../contracts/errors.ts";
import type { OutgoingMessage } from "../contracts/message.ts";
import type { TaskDefinition } from "../contracts/task.ts";
import type { SendOptions } from "./enqueue-options.ts";
import type { RunHandle } from "./handle.ts";
import { currentRun } from "./run-storage.ts";

export const TASK_BRAND: unique symbol = Symbol.for("lovage.task") as never;

/** What an app does for the tasks that it lists. */
export interface AppBinding {
  enqueue(task: TaskDefinition, args: readonly unknown[], options: SendOptions): Promise<RunHandle<unknown>>;
  enqueueMany(
    task: TaskDefinition,
    calls: readonly (readonly unknown[])[],
    options: SendOptions,
  ): Promise<RunHandle<unknown>[]>;
  message(task: TaskDefinition, args: readonly unknown[], options: SendOptions): OutgoingMessage;
  /** The app, to compare with the one that runs the present task. */
  readonly app: object;
}

export interface TaskCell {
  readonly definition: TaskDefinition;
  /** Made by `taskRef`: it has a name and options, but no function. */
  readonly reference: boolean;
  /** The open apps that list this task, in the order of their creation. */
  readonly bindings: AppBinding[];
}

/** The cell of a task value of any copy of this package; undefined for anything else. */
export function cellOf(value: unknown): TaskCell | undefined {
  if ((typeof value !== "function" && typeof value !== "object") || value === null) return undefined;
  return (value as { [TASK_BRAND]?: TaskCell })[TASK_BRAND];
}

/**
 * The app that an enqueue of this task goes to: the only one that lists it, else (inside a run) the one that runs the present task.
 * Anything else would be a guess, so it is a `ConfigurationError`.
 */
export function bindingOf(cell: TaskCell): AppBinding {
  const { bindings, definition } = cell;
  const [first] = bindings;
  if (first === undefined) {
    throw new ConfigurationError(
      `task "${definition.name}" belongs to no open app; list it in createApp({ tasks }) and load that module before enqueueing`,
      { subject: { task: definition.name } },
    );
  }
  if (bindings.length === 1) return first;
  const running = currentRun()?.app;
  for (const binding of bindings) if (binding.app === running) return binding;
  throw new ConfigurationError(
    `task "${definition.name}" is listed by ${bindings.length} open apps, so it is not clear whose broker is meant; ` +
      "enqueue through one of them with app.task(task).enqueue(…), or close the one that is done with app.close()",
    { subject: { task: definition.name } },
  );
}
