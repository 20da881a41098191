/** A child process that answers each message: what a pool of processes cannot be faster than. */

import work from "./pool-worker.ts";

process.on("message", (message: { readonly n: number }) => process.send?.(work(message)));
process.send?.("ready");
