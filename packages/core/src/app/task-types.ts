/** What `task()` gives: the function, and the ways to queue a call of it, typed from its own signature. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { OutgoingMessage } from "../contracts/message.ts";
import type { TaskDefinition, TaskOptions } from "../contracts/task.ts";
import type { EnqueueOptions } from "./enqueue-options.ts";
import type { RunHandle } from "./handle.ts";
import type { Json, JsonArgs } from "./json-types.ts";

export type AnyFunction = (...args: never[]) => unknown;

/** One signature of a task: the arguments that travel and the result that comes back. */
export type Call = readonly [args: readonly unknown[], result: unknown];

/** The signatures of a function, at most the last four of an overloaded one. A generic parameter counts as its constraint. */
export type CallsOf<F> = F extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
  (...args: infer A3): infer R3;
  (...args: infer A4): infer R4;
}
  ? readonly [[A1, Awaited<R1>], [A2, Awaited<R2>], [A3, Awaited<R3>], [A4, Awaited<R4>]]
  : never;

type Four = readonly [Call, Call, Call, Call];

type ResultOf<C extends Call> = Json<C[1]>;

type Enqueue<C extends Call> = (...args: JsonArgs<C[0]>) => Promise<RunHandle<ResultOf<C>>>;
type MessageOf<C extends Call> = (...args: JsonArgs<C[0]>) => OutgoingMessage;
type EnqueueMany<C extends Call> = (calls: readonly Readonly<JsonArgs<C[0]>>[]) => Promise<RunHandle<ResultOf<C>>[]>;

/** Equal signatures collapse, so a function without overloads has one. */
type EachCall<C extends Four, Kind extends "enqueue" | "enqueueMany" | "message"> = {
  readonly enqueue: Enqueue<C[0]> & Enqueue<C[1]> & Enqueue<C[2]> & Enqueue<C[3]>;
  readonly enqueueMany: EnqueueMany<C[0]> & EnqueueMany<C[1]> & EnqueueMany<C[2]> & EnqueueMany<C[3]>;
  readonly message: MessageOf<C[0]> & MessageOf<C[1]> & MessageOf<C[2]> & MessageOf<C[3]>;
}[Kind];

/** The ways to queue calls of a task, with options or without. */
export interface BoundTask<C extends Four> {
  /**
   * Stores a message for one call and resolves once the broker has it, with a handle on the run. Rejects with `NotSerializableError`
   * or `ValidationError` before anything is sent, with the broker's error when it refuses, and with `PublishOutcomeUnknownError`
   * (enqueue again with the same `id`) when its answer was lost. Calls made in one tick travel together.
   */
  readonly enqueue: EachCall<C, "enqueue">;
  /** One call per element, published at once and far faster than one by one. Rejects with `BulkEnqueueError` when some were not stored; it says which. */
  readonly enqueueMany: EachCall<C, "enqueueMany">;
  /** The message of one call, not sent: for enqueueing inside a transaction of your own. */
  readonly message: EachCall<C, "message">;
}

export interface TaskMethods<C extends Four> extends BoundTask<C> {
  /** The same ways, with options for these calls: `task.with({ delay: "5m" }).enqueue(…)`. They win over all others. */
  readonly with: (options: EnqueueOptions) => BoundTask<C>;
  readonly definition: TaskDefinition;
}

/** The function itself, and the ways to queue it. */
export type Task<F extends AnyFunction, C extends Four = CallsOf<F>> = F & TaskMethods<C>;

/** What a producer without the task's code holds: everything but the function. `T` is the task's type, or the function's where there is no task to import. */
export type TaskRef<T> = T extends TaskLike
  ? Pick<T, Extract<keyof T, "enqueue" | "enqueueMany" | "message" | "with" | "definition">>
  : T extends AnyFunction
    ? TaskMethods<CallsOf<T>>
    : never;

/** What `createApp({ tasks })` takes: what `task` and `taskRef` give, of any copy of this package. */
export interface TaskLike {
  readonly definition: TaskDefinition;
}

export interface TaskSchema {
  /** For the list of arguments. */
  readonly args?: StandardSchemaV1<unknown, readonly unknown[]>;
  readonly returns?: StandardSchemaV1;
}

type Input<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : never;
type Output<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : never;

/** Arguments as callers of `enqueue` give them. */
type ArgsIn<S, F> = S extends { readonly args: infer A }
  ? Extract<Input<A>, readonly unknown[]>
  : F extends (...args: infer A) => unknown
    ? A
    : never;
/** Arguments as the function of a task with this schema gets them. */
export type SchemaArgs<S> = S extends { readonly args: infer A }
  ? Extract<Output<A>, readonly unknown[]>
  : // biome-ignore lint/suspicious/noExplicitAny: without a schema of its own the function says what its parameters are
    any[];
/** What the function of a task with this schema must return. */
export type SchemaReturn<S> = S extends { readonly returns: infer R } ? Input<R> | PromiseLike<Input<R>> : unknown;
type ResultOut<S, F> = S extends { readonly returns: infer R }
  ? Output<R>
  : F extends (...args: never[]) => infer R
    ? Awaited<R>
    : never;
type SchemaCall<S, F> = [ArgsIn<S, F>, ResultOut<S, F>];
/** Signatures of a task with a schema: the schema's input travels, its output comes back. */
export type SchemaCalls<S, F> = readonly [SchemaCall<S, F>, SchemaCall<S, F>, SchemaCall<S, F>, SchemaCall<S, F>];

export type PlainTaskOptions = Omit<TaskOptions, "schema"> & { readonly schema?: never };
export type SchemaTaskOptions<S extends TaskSchema> = Omit<TaskOptions, "schema"> & { readonly schema: S };
