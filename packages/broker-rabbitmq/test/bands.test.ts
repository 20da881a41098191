import { brokerKit } from "@lovage/conformance";
import { describeKit } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { brokerHarness, startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

/** What bands can change. Connections and servers that come and go are theirs no more than one band's: all of it with `LOVAGE_RABBITMQ_BANDS=all`. */
const GROUPS = new Set(["settlement", "redelivery", "credit", "fairness", "order", "priority", "purge"]);
const scenarios = brokerKit.scenarios.filter(
  ({ group }) => process.env.LOVAGE_RABBITMQ_BANDS === "all" || GROUPS.has(group),
);

describeKit({ ...brokerKit, scenarios }, brokerHarness("rabbitmq, three bands", rig, { bands: 3 }));
