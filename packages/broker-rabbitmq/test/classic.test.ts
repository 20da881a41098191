import { brokerKit } from "@lovage/conformance";
import { describeKit } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { brokerHarness, startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

/** Where the server treats the other type of queue differently. All of it with `LOVAGE_RABBITMQ_QUEUES=classic`, in conformance.test.ts. */
const GROUPS = new Set(["publish", "settlement", "redelivery", "credit", "order", "priority"]);
/** And what it confirms is safe from the first moment on. */
const SURVIVES = "restart/accepted-survives";
const scenarios = brokerKit.scenarios.filter(({ group, id }) => GROUPS.has(group) || id === SURVIVES);

describeKit({ ...brokerKit, scenarios }, brokerHarness("rabbitmq, classic queues", rig, { queueType: "classic" }));
