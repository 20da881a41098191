import { defineConfig } from "vitest/config";

export default defineConfig({ test: { name: "pool-process", include: ["test/**/*.test.ts"] } });
