/** What is the same for every run of a task, found once per app and task. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { LovageError } from "../contracts/errors.ts";
import type { AppDefinition, Middleware, RetryOptions, TaskContext, TaskDefinition } from "../contracts/task.ts";
import { levelsOf, retryFunctionsOf } from "./resolve.ts";

export interface RunPlan {
  readonly name: string;
  /** The function, within the app's middleware. */
  readonly invoke: (args: readonly unknown[], context: TaskContext) => unknown;
  readonly argsSchema: StandardSchemaV1 | undefined;
  readonly returnsSchema: StandardSchemaV1 | undefined;
  readonly keepsResult: boolean;
  readonly on: RetryOptions["on"] | undefined;
  readonly backoff: RetryOptions["backoff"] | undefined;
}

const plans = new WeakMap<AppDefinition, Map<string, RunPlan>>();

/** By name or alias; undefined for a task that the app does not register. */
export function planOf(app: AppDefinition, name: string): RunPlan | undefined {
  const known = plans.get(app)?.get(name);
  if (known !== undefined) return known;
  const definition = app.tasks.get(name);
  if (definition === undefined) return undefined;
  const plan = makePlan(app, definition);
  const ofApp = plans.get(app) ?? new Map<string, RunPlan>();
  plans.set(app, ofApp.set(name, plan));
  return plan;
}

function makePlan(app: AppDefinition, definition: TaskDefinition): RunPlan {
  const { name, options } = definition;
  const resolved = app.resolve(name);
  const { on, backoff } = retryFunctionsOf(levelsOf(app, name, options, resolved.queue));
  return {
    name,
    invoke: app.middleware.length === 0 ? definition.invoke.bind(definition) : wrapped(app.middleware, definition),
    argsSchema: options.schema?.args,
    returnsSchema: options.schema?.returns,
    keepsResult: resolved.resultTtlMs !== undefined,
    on,
    backoff,
  };
}

function wrapped(middleware: readonly Middleware[], definition: TaskDefinition): RunPlan["invoke"] {
  return (args, context) => {
    const from = async (place: number): Promise<unknown> => {
      const layer = middleware[place];
      if (layer === undefined) return definition.invoke(args, context);
      let begun = false;
      return layer(context, () => {
        if (begun) return Promise.reject(twice(definition.name, place));
        begun = true;
        return from(place + 1);
      });
    };
    return from(0);
  };
}

function twice(task: string, place: number): LovageError {
  return new LovageError("MIDDLEWARE", `middleware[${place}] called next() twice around task "${task}"`, {
    subject: { task },
  });
}
