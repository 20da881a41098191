import { alone, project } from "../vitest/project.ts";

export default project("chaos", { ...alone, testTimeout: 90_000 });
