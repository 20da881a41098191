import { defineConfig, type ViteUserConfig } from "vitest/config";

/**
 * What every package's tests share. It is a file of its own because Vitest hands no test option of the root config down to
 * projects: limits written there would hold for none of them, and `vitest run --root packages/x` would not see them at all.
 */
export function project(name: string): ViteUserConfig {
  return defineConfig({
    test: {
      name,
      include: ["test/**/*.test.ts"],
      passWithNoTests: true,
      // A process of its own per test file: tests here start threads, send signals and count what they leave behind.
      pool: "forks",
      // A bound for what never comes, not an expectation. Starting workers and children on a busy machine takes seconds.
      testTimeout: 30_000,
      hookTimeout: 30_000,
      teardownTimeout: 10_000,
    },
  });
}
