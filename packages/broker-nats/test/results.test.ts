import { describeResultStore } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { natsResults } from "../src/index.ts";
import { startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

describeResultStore({ name: "nats", create: () => natsResults(rig.proxied) });
