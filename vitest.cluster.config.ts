import { defineConfig } from "vitest/config";

/** Brokers on several servers, each package's own: one file at a time, apart from `pnpm test`, because they take minutes. */
export default defineConfig({
  test: {
    projects: ["packages/*/vitest.cluster.config.ts"],
    maxWorkers: 1,
    fileParallelism: false,
    passWithNoTests: true,
  },
});
