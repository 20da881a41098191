import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const COMPILE_CACHE = fileURLToPath(new URL("../../node_modules/.cache/node-compile-cache", import.meta.url));

/**
 * What every package's tests share, with what one of them needs otherwise. It is a file of its own because Vitest hands no test option
 * of the root config down to projects: limits written there would hold for none of them, and `vitest run --root packages/x` would
 * not see them at all.
 */
export function project(name: string, otherwise: ViteUserConfig["test"] = {}): ViteUserConfig {
  return defineConfig({
    test: {
      name,
      include: ["test/**/*.test.ts"],
      passWithNoTests: true,
      // Each file may start a worker with several processes of its own: with more files at once than this, tests that watch leases and
      // time limits measure the machine instead of Lovage.
      maxWorkers: 2,
      // Scenarios of the conformance kit that mostly wait.
      maxConcurrency: 8,
      // A process of its own per test file: tests here start threads, send signals and count what they leave behind.
      pool: "forks",
      // A bound for what never comes, not an expectation. Starting workers and children on a busy machine takes seconds.
      testTimeout: 30_000,
      hookTimeout: 30_000,
      teardownTimeout: 10_000,
      // Threads and children that tests start from sources have their types stripped once, not once each: the conformance run of SQLite,
      // which starts some hundreds of threads, takes a third of the time.
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
      ...otherwise,
    },
  });
}

/** For tests that watch the clock of whole workers: after all others, one file at a time, so that they measure Lovage and not their neighbours. */
export const alone: ViteUserConfig["test"] = { maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 1 } };
