/** The worker engine: what an application composes with a broker and pools of its choice. */

export { createWorker } from "./worker.ts";
export * from "./worker-types.ts";
