import { describeBroker } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { brokerHarness, startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

describeBroker(brokerHarness("nats, three bands", rig, { bands: 3, namespace: "banded" }));
