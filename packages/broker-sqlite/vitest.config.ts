import { defineConfig } from "vitest/config";

export default defineConfig({ test: { name: "broker-sqlite", include: ["test/**/*.test.ts"] } });
