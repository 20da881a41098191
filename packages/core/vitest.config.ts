import { project } from "../../tooling/vitest/project.ts";

/** Type tests run with the others; errors in sources are the type check's business. */
export default project("core", {
  typecheck: { enabled: true, tsconfig: "tsconfig.types.json", ignoreSourceErrors: true },
});
