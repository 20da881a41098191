import { defineConfig } from "vitest/config";

export default defineConfig({ test: { name: "pool-solo", include: ["test/**/*.test.ts"] } });
