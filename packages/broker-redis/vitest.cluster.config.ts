import { project } from "../../tooling/vitest/project.ts";

/** Real clusters: `pnpm test:cluster`. Apart from `pnpm test`, because they take minutes. */
export default project("broker-redis-cluster", {
  include: ["test/cluster/*.ts"],
  maxWorkers: 1,
  fileParallelism: false,
});
