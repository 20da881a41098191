/** `@lovage/core/memory`: broker, control channel and result store in this process's memory. */
export { type Clock, systemClock } from "./clock.ts";
export { memoryBroker } from "./memory-broker.ts";
export type { MemoryBrokerOptions, MemoryResultsOptions, MemoryServerOptions } from "./memory-options.ts";
export { memoryResults } from "./memory-results.ts";
export { type MemoryServer, memoryServer } from "./memory-server.ts";
