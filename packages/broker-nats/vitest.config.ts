import { project } from "../../tooling/vitest/project.ts";

export default project("broker-nats", { exclude: ["test/cluster/**", "**/node_modules/**"] });
