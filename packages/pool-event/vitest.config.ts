import { defineConfig } from "vitest/config";

export default defineConfig({ test: { name: "pool-event", include: ["test/**/*.test.ts"] } });
