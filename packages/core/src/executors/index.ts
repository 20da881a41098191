/** For authors of pools: the runner, the protocol, the executor's side, and the runtimes that more than one pool uses. */

export { loadApp } from "../app/load-app.ts";
export { runTask } from "../app/run-task.ts";
export { evenly, slotsOf } from "./layout.ts";
export { createPool, type PoolDesign } from "./pool.ts";
export type { Down, DownMessage, ExecutorInit, ExecutorLink, Reply, Request, Up, UpMessage } from "./protocol.ts";
export type { ExecutorRuntime, SpawnRequest, Unit, UnitEvents, UnitExit } from "./runtime.ts";
export { type ChildOptions, childProcessRuntime } from "./runtimes/child-process.ts";
export { inlineRuntime } from "./runtimes/inline.ts";
export { loopThreadRuntime, type ThreadOptions, threadOptions } from "./runtimes/loop-thread.ts";
export { followOutput } from "./runtimes/output-streams.ts";
export { type ExecutorHost, serveExecutor } from "./serve/serve.ts";
export { threadHost } from "./serve/thread-host.ts";
