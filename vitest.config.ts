import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*/vitest.config.ts", "apps/*/vitest.config.ts", "tooling/*/vitest.config.ts"],
    passWithNoTests: true,
    // Each file may start a worker with several processes of its own: more files at once than this, and tests that watch
    // leases and time limits measure the machine instead of Lovage.
    maxWorkers: 2,
  },
});
