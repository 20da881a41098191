/** Real processes for tests and tools: started here, watched line by line, stopped here by process id. */

export { Bench } from "./bench.ts";
export { LovageProcess } from "./lovage-process.ts";
export { type Ending, type LogLine, WatchedProcess } from "./watched-process.ts";
