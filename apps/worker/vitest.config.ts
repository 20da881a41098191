import { defineConfig } from "vitest/config";

export default defineConfig({ test: { name: "lovage", include: ["test/**/*.test.ts"] } });
