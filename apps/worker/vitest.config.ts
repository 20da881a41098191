import { project } from "../../tooling/vitest/project.ts";

// Every look of a poll here is a process that starts.
export default project("lovage", { expect: { poll: { timeout: 15_000 } } });
