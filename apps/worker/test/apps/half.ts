/** Loads in the engine and fails in every executor. */

import { isMainThread } from "node:worker_threads";
import { createApp, task } from "@lovage/core";

if (!isMainThread || process.send !== undefined) throw new Error("only here for the engine");

export default createApp({ tasks: [task("half.done", () => 1)] });
