import { alone, project } from "../../tooling/vitest/project.ts";

// Its server takes a core for itself whenever it starts, which it does some fifty times.
export default project("broker-rabbitmq", alone);
