import { describeBroker, describeControlChannel, describeResultStore } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { rabbitMqReplies } from "../src/index.ts";
import { brokerHarness, startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

/** Both types of queue are the same code; the other one is proven with `LOVAGE_RABBITMQ_QUEUES=classic`. */
const harness =
  process.env.LOVAGE_RABBITMQ_QUEUES === "classic"
    ? brokerHarness("rabbitmq, classic queues", rig, { queueType: "classic" })
    : brokerHarness("rabbitmq", rig);

describeBroker(harness);
describeControlChannel(harness);
describeResultStore({ name: "rabbitmq replies", create: () => rabbitMqReplies(rig.url) });
