/** A running program's app: the definition that workers read, and the connections that `enqueue` uses. */

import type { Broker } from "../contracts/broker.ts";
import type { ClientPort } from "../contracts/client.ts";
import type { Codec } from "../contracts/codec.ts";
import { BrokerClosedError, NoBrokerError } from "../contracts/errors.ts";
import type { OutgoingMessage } from "../contracts/message.ts";
import type { ResultStore } from "../contracts/results.ts";
import {
  APP_BRAND,
  APP_CONTRACT_VERSION,
  type AppDefinition,
  type ExecutorHooks,
  type Middleware,
  type PoolOptions,
  type QueueOptions,
  type ResolvedTask,
  type RouteOptions,
  type TaskDefinition,
  type TaskRegistry,
} from "../contracts/task.ts";
import { type BrokerClient, brokerClient, keepsResult } from "./client.ts";
import type { AppOptions } from "./create-app.ts";
import { durationMs } from "./duration.ts";
import { type EnqueueOptions, NO_OPTIONS, type SendOptions, sendOptions } from "./enqueue-options.ts";
import { RunHandle } from "./handle.ts";
import { messageOf } from "./message.ts";
import { checkTaskName, fail } from "./option-check.ts";
import { sendAll, sendOne } from "./publish.ts";
import { type ListedTasks, listedTasks, Registry } from "./registry.ts";
import { resolveTask } from "./resolve.ts";
import { validateInput, validateInputNow } from "./schema.ts";
import { withMethods } from "./task.ts";
import { type AppBinding, cellOf } from "./task-cell.ts";
import type { TaskLike, TaskRef } from "./task-types.ts";
import { type Topology, topologyOf } from "./topology.ts";

/** What `createApp` gives. Give it to a worker, or enqueue through its tasks. */
export interface App extends AppDefinition, AsyncDisposable {
  /** The task, bound to this app: the way to enqueue a task that more than one open app lists. */
  task<T extends TaskLike>(task: T): TaskRef<T>;
  /** Enqueues by name, without types: for tools and for tasks of other programs. App defaults, queue defaults and routes apply. */
  enqueue(name: string, args?: readonly unknown[], options?: EnqueueOptions): Promise<RunHandle<unknown>>;
  /** A handle on a run enqueued elsewhere or before. The id is not checked. */
  handle<R = unknown>(id: string): RunHandle<R>;
  /**
   * Sends what was enqueued before, closes the broker and result store that were given to `createApp`, and lets go of its tasks.
   * Afterwards enqueueing rejects with `BrokerClosedError`. Idempotent.
   */
  close(): Promise<void>;
}

type Checked = AppOptions & Required<Pick<AppOptions, "routes" | "defaults" | "middleware" | "codec">>;

/** The app of options whose own values are checked already; references between them are checked here. */
export function bindApp(options: Checked): App {
  return new BoundApp(options);
}

class BoundApp implements App, AppBinding {
  readonly [APP_BRAND]: number = APP_CONTRACT_VERSION;
  readonly tasks: TaskRegistry;
  readonly queues: Readonly<Record<string, QueueOptions>>;
  readonly pools: Readonly<Record<string, PoolOptions>>;
  readonly routes: Readonly<Record<string, string | RouteOptions>>;
  readonly defaults: AppDefinition["defaults"];
  readonly middleware: readonly Middleware[];
  readonly hooks: ExecutorHooks;
  readonly codec: Codec;
  readonly broker?: Broker;
  readonly results?: ResultStore;
  readonly #topology: Topology;
  readonly #listed: ListedTasks;
  readonly #resolved = new Map<string, ResolvedTask>();
  readonly #publishTimeoutMs: number | undefined;
  /** The last one is in use. */
  readonly #attached: { readonly port: ClientPort }[] = [];
  #client: BrokerClient | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: Checked) {
    this.#listed = listedTasks(options.tasks);
    const definitions = new Set([...this.#listed.byName.values()].map((cell) => cell.definition));
    this.#topology = topologyOf(
      { pools: options.pools, queues: options.queues, routes: options.routes, defaults: options.defaults },
      definitions,
    );
    this.tasks = new Registry(this.#listed.byName);
    this.queues = this.#topology.queues;
    this.pools = this.#topology.pools;
    this.routes = options.routes;
    this.defaults = options.defaults;
    this.middleware = options.middleware;
    this.codec = options.codec;
    this.hooks = {
      ...(options.onExecutorStart === undefined ? {} : { onExecutorStart: options.onExecutorStart }),
      ...(options.onExecutorStop === undefined ? {} : { onExecutorStop: options.onExecutorStop }),
    };
    if (options.broker !== undefined) this.broker = options.broker;
    if (options.results !== undefined) this.results = options.results;
    this.#publishTimeoutMs =
      options.publishTimeout === undefined
        ? undefined
        : durationMs(options.publishTimeout, "createApp({ publishTimeout })");
    for (const definition of definitions) this.resolve(definition.name);
    for (const cell of this.#listed.cells) cell.bindings.push(this);
  }

  get app(): this {
    return this;
  }

  resolve(task: string): ResolvedTask {
    const known = this.#resolved.get(task);
    if (known !== undefined) return known;
    const definition = this.#listed.byName.get(task)?.definition;
    const resolved =
      definition !== undefined && definition.name !== task
        ? this.resolve(definition.name)
        : resolveTask(this, task, definition?.options ?? {}, this.#topology);
    // Names of unknown tasks come from outside: only known ones are remembered.
    if (definition !== undefined) this.#resolved.set(task, resolved);
    return resolved;
  }

  attach(port: ClientPort): () => void {
    const entry = { port };
    this.#attached.push(entry);
    return () => {
      const at = this.#attached.indexOf(entry);
      if (at !== -1) this.#attached.splice(at, 1);
    };
  }

  task<T extends TaskLike>(task: T): TaskRef<T> {
    const cell = cellOf(task);
    if (cell === undefined || !this.#listed.cells.has(cell)) {
      const shown = cell === undefined ? "what was given to app.task()" : `task "${cell.definition.name}"`;
      fail(`${shown} is not listed by this app; add it to createApp({ tasks })`);
    }
    return withMethods({}, cell, () => this) as TaskRef<T>;
  }

  async enqueue(
    task: string | TaskDefinition,
    args: readonly unknown[] = [],
    options: EnqueueOptions | SendOptions = NO_OPTIONS,
  ): Promise<RunHandle<unknown>> {
    if (typeof task !== "string") return this.#enqueue(task.name, task, args, options as SendOptions);
    checkTaskName(task, "app.enqueue():");
    if (!Array.isArray(args)) fail(`app.enqueue("${task}", args): args must be the list of arguments`);
    return this.#enqueue(task, this.#listed.byName.get(task)?.definition, args, sendOptions(options as EnqueueOptions));
  }

  async #enqueue(
    name: string,
    definition: TaskDefinition | undefined,
    args: readonly unknown[],
    options: SendOptions,
  ): Promise<RunHandle<unknown>> {
    const port = this.#port(name);
    const schema = definition?.options.schema?.args;
    if (schema !== undefined) await validateInput(schema, args, name);
    const message = messageOf(this.resolve(name), args, options, this.codec);
    await sendOne(port, message);
    return this.#handle(message);
  }

  async enqueueMany(
    task: TaskDefinition,
    calls: readonly (readonly unknown[])[],
    options: SendOptions,
  ): Promise<RunHandle<unknown>[]> {
    const port = this.#port(task.name);
    const resolved = this.resolve(task.name);
    const schema = task.options.schema?.args;
    if (schema !== undefined) await Promise.all(calls.map((args) => validateInput(schema, args, task.name)));
    const messages = calls.map((args) => messageOf(resolved, args, options, this.codec));
    await sendAll(port, messages);
    return messages.map((message) => this.#handle(message));
  }

  message(task: TaskDefinition, args: readonly unknown[], options: SendOptions): OutgoingMessage {
    const schema = task.options.schema?.args;
    if (schema !== undefined) validateInputNow(schema, args, task.name);
    return messageOf(this.resolve(task.name), args, options, this.codec);
  }

  handle<R = unknown>(id: string): RunHandle<R> {
    return new RunHandle<R>(id, this);
  }

  /** For handles. */
  port(): ClientPort {
    return this.#port("");
  }

  #handle(message: OutgoingMessage): RunHandle<unknown> {
    const { id, headers } = message;
    return new RunHandle(id, this, headers.task, keepsResult(this, headers));
  }

  #port(task: string): ClientPort {
    const attached = this.#attached.at(-1);
    if (attached !== undefined) return attached.port;
    if (this.#closing !== undefined) throw new BrokerClosedError("this app is closed; create a new one");
    if (this.broker === undefined) throw new NoBrokerError(task);
    this.#client ??= brokerClient(this.broker, this.results, this, {
      ...(this.#publishTimeoutMs === undefined ? {} : { publishTimeoutMs: this.#publishTimeoutMs }),
    });
    return this.#client;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const cell of this.#listed.cells) {
      const at = cell.bindings.indexOf(this);
      if (at !== -1) cell.bindings.splice(at, 1);
    }
    await this.#client?.flush();
    await Promise.all([this.broker?.close(), this.results?.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
