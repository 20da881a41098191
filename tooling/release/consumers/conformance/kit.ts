import assert from "node:assert/strict";
import { brokerKit, brokerScenarios, runScenarios } from "@lovage/conformance";
import { poolKit } from "@lovage/conformance/pool";
import { brokerSaboteurs } from "@lovage/conformance/saboteurs";
import { memoryBroker, memoryServer } from "@lovage/core/memory";

const server = memoryServer();
const report = await runScenarios(
  brokerKit,
  { name: "memory", create: () => memoryBroker({ server }) },
  { scenarios: brokerScenarios.filter(({ group }) => group === "settlement") },
);
assert.deepEqual(
  report.scenarios.filter(({ status }) => status === "broken"),
  [],
);
assert.ok(report.scenarios.some(({ status }) => status === "proven"));
assert.deepEqual(report.leftovers, []);
assert.ok(poolKit.scenarios.length > 0 && brokerSaboteurs.length > 0);
