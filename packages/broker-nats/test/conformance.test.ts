import { describeBroker, describeControlChannel } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { brokerHarness, startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

describeBroker(brokerHarness("nats", rig));
describeControlChannel(brokerHarness("nats", rig));
