import { defineConfig } from "vitest/config";

export default defineConfig({ test: { name: "pool-thread", include: ["test/**/*.test.ts"] } });
