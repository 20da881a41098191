#!/usr/bin/env node
// libuv reads the size of its thread pool once, at its first use, so it is set before anything else is imported. Children get it not:
// each has a pool of its own, for one task at a time.
import { lstat } from "node:fs";
import { enableCompileCache } from "node:module";

enableCompileCache();

if (process.env.UV_THREADPOOL_SIZE === undefined && process.argv[2] === "worker") {
  const { availableCpus } = await import("../dist/flags/cpu-quota.js");
  const { threadpoolSize } = await import("../dist/flags/threadpool-size.js");
  process.env.UV_THREADPOOL_SIZE = String(threadpoolSize(process.argv.slice(3), availableCpus()));
  lstat(".", () => {});
  delete process.env.UV_THREADPOOL_SIZE;
}

const { main } = await import("../dist/cli.js");
await main(process.argv.slice(2));
