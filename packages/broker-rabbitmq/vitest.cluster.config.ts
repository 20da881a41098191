import { project } from "../../tooling/vitest/project.ts";

/** Real clusters: `pnpm test:cluster`. Apart from `pnpm test`, because they take minutes. */
export default project("broker-rabbitmq-cluster", {
  include: ["test/cluster/*.ts"],
  testTimeout: 180_000,
  hookTimeout: 120_000,
  maxWorkers: 1,
  fileParallelism: false,
});
