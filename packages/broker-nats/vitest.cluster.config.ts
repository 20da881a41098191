import { project } from "../../tooling/vitest/project.ts";

/** Three servers: `pnpm test:cluster`. Apart from `pnpm test`, because they take minutes. */
export default project("broker-nats-cluster", {
  include: ["test/cluster/**/*.test.ts"],
  maxWorkers: 1,
  fileParallelism: false,
  testTimeout: 180_000,
  hookTimeout: 120_000,
});
