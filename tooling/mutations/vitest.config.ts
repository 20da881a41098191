import { project } from "../vitest/project.ts";

export default project("mutations", { testTimeout: 60_000 });
