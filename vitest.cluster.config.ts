import { defineConfig } from "vitest/config";

/** `pnpm test:cluster`: what needs several servers of one kind, in `test/cluster` of each package. */
export default defineConfig({ test: { projects: ["packages/*/vitest.cluster.config.ts"] } });
