#!/usr/bin/env node
import { lstat } from "node:fs";
import { enableCompileCache, getCompileCacheDir } from "node:module";

// Executors load the same modules as the worker: compiled once, by whoever comes first, a start takes half as long. Threads and
// children learn of it by the environment.
enableCompileCache();
const cache = getCompileCacheDir();
if (cache !== undefined) process.env.NODE_COMPILE_CACHE ??= cache;

// libuv reads the size of its thread pool once, at its first use, so it is set before anything else is imported. Children get it not:
// each has a pool of its own, for one task at a time.
if (process.env.UV_THREADPOOL_SIZE === undefined && process.argv[2] === "worker") {
  const { availableCpus } = await import("../dist/flags/cpu-quota.js");
  const { threadpoolSize } = await import("../dist/flags/threadpool-size.js");
  process.env.UV_THREADPOOL_SIZE = String(threadpoolSize(process.argv.slice(3), availableCpus()));
  lstat(".", () => {});
  delete process.env.UV_THREADPOOL_SIZE;
}

const { main } = await import("../dist/cli.js");
await main(process.argv.slice(2));
