/** `task` and `taskRef`: values that say what can be run and how. They belong to no app until one lists them. */

import type { TaskContext, TaskDefinition, TaskOptions } from "../contracts/task.ts";
import { type EnqueueOptions, NO_OPTIONS, type SendOptions, sendOptions } from "./enqueue-options.ts";
import { checkTaskName, checkTaskOptions, fail, TASK_KEYS } from "./option-check.ts";
import { type AppBinding, bindingOf, TASK_BRAND, type TaskCell } from "./task-cell.ts";
import type {
  AnyFunction,
  PlainTaskOptions,
  SchemaArgs,
  SchemaCalls,
  SchemaReturn,
  SchemaTaskOptions,
  Task,
  TaskLike,
  TaskRef,
  TaskSchema,
} from "./task-types.ts";

/**
 * Names a function as a task. What comes back is called like the function (and does just what it does: no queue, no schema, no
 * retries), and queues calls of it with `.enqueue(…)`. The function given is left untouched. Throws `ConfigurationError` for a bad
 * name or option.
 *
 * With a schema for the arguments, callers of `enqueue` give the schema's input, and the function gets its output.
 */
export function task<F extends AnyFunction>(name: string, fn: F, options?: PlainTaskOptions): Task<F>;
export function task<const S extends TaskSchema, F extends (...args: SchemaArgs<S>) => SchemaReturn<S>>(
  name: string,
  fn: F,
  options: SchemaTaskOptions<S>,
): Task<F, SchemaCalls<S, F>>;
export function task(
  name: string,
  fn: AnyFunction,
  options: PlainTaskOptions | SchemaTaskOptions<TaskSchema> = {},
): unknown {
  checkTaskName(name, "task():");
  if (typeof fn !== "function") fail(`task("${name}") needs the function that it names`);
  const own = options as TaskOptions;
  checkTaskOptions(own, TASK_KEYS, `task("${name}")`);
  const run = fn as (...args: readonly unknown[]) => unknown;
  const definition: TaskDefinition = Object.freeze({
    name,
    options: Object.freeze({ ...own }),
    invoke: (args: readonly unknown[], _context: TaskContext) => run(...args),
  });
  function called(this: unknown, ...args: unknown[]): unknown {
    return Reflect.apply(run, this, args);
  }
  Object.setPrototypeOf(called, fn);
  Object.defineProperty(called, "name", { value: fn.name === "" ? name : fn.name, configurable: true });
  Object.defineProperty(called, "length", { value: fn.length, configurable: true });
  return withMethods(called, { definition, reference: false, bindings: [] });
}

/**
 * A task known by name and type alone, for a producer that must not load the task's code:
 *
 *     import type { thumbnail } from "./tasks.ts";
 *     const thumbnailRef = taskRef<typeof thumbnail>("images.thumbnail", { queue: "cpu" });
 *
 * List it in the producer's `createApp({ tasks })` like a task. Queue, priority, expiry and result options must be given here or in
 * the producer's routes, since the task's own are not known to it; retries and limits are read by the worker.
 */
export function taskRef<T extends TaskLike | AnyFunction>(
  name: string,
  options: Omit<PlainTaskOptions, "aliases"> = {},
): TaskRef<T> {
  checkTaskName(name, "taskRef():");
  const own = options as TaskOptions;
  checkTaskOptions(own, TASK_KEYS, `taskRef("${name}")`);
  const definition: TaskDefinition = Object.freeze({
    name,
    options: Object.freeze({ ...own }),
    invoke: () => fail(`"${name}" is only a reference to a task; load the module that defines it with task()`),
  });
  return withMethods({}, { definition, reference: true, bindings: [] }) as unknown as TaskRef<T>;
}

interface UntypedMethods {
  enqueue(...args: unknown[]): Promise<unknown>;
  enqueueMany(calls: readonly (readonly unknown[])[]): Promise<unknown[]>;
  message(...args: unknown[]): unknown;
}

/** The ways to queue a task through whatever app `binding` names at the moment of the call. */
function senders(cell: TaskCell, binding: () => AppBinding, options: SendOptions): UntypedMethods {
  return {
    async enqueue(...args) {
      return binding().enqueue(cell.definition, args, options);
    },
    async enqueueMany(calls) {
      if (options.id !== undefined) fail("with({ id }) names one message; enqueueMany sends many");
      return binding().enqueueMany(cell.definition, calls, options);
    },
    message(...args) {
      return binding().message(cell.definition, args, options);
    },
  };
}

/** Adds the methods of a task to `target`, sending through `binding`. */
export function withMethods<T extends object>(
  target: T,
  cell: TaskCell,
  binding: () => AppBinding = () => bindingOf(cell),
): T {
  const methods = {
    ...senders(cell, binding, NO_OPTIONS),
    with: (options: EnqueueOptions) => senders(cell, binding, sendOptions(options)),
    definition: cell.definition,
    [TASK_BRAND]: cell,
  };
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(target, key, { value: methods[key as keyof typeof methods] });
  }
  return target;
}
