import { alone, project } from "../vitest/project.ts";

export default project("e2e", { ...alone, testTimeout: 120_000 });
