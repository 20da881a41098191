import { project } from "../vitest/project.ts";

// Installing a server may be part of a test's first start.
export default project("services", { testTimeout: 120_000, hookTimeout: 300_000 });
