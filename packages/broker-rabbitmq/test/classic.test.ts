import { brokerKit } from "@lovage/conformance";
import { describeKit } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { brokerHarness, startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

/** Where the server treats the other type of queue differently. All of it with `LOVAGE_RABBITMQ_QUEUES=classic`, in conformance.test.ts. */
const GROUPS = new Set(["publish", "settlement", "redelivery", "credit", "order", "priority"]);
/** Their confirms are worth as much from the first moment on. */
const SCENARIOS = new Set(["restart/accepted-survives"]);
const scenarios = brokerKit.scenarios.filter(
  ({ group, id }) => GROUPS.has(group) || SCENARIOS.has(id) || SCENARIOS.has(`${group}/${id}`),
);

describeKit({ ...brokerKit, scenarios }, brokerHarness("rabbitmq, classic queues", rig, { queueType: "classic" }));
