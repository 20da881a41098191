import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type BrokerHarness, brokerKit, runScenarios } from "../src/index.ts";
import { lockedHarness, turnedAway } from "../src/saboteurs/away.ts";
import { modestHarness } from "./support/modest-broker.ts";
import { orderedHarness } from "./support/ordered-broker.ts";

/** That a scenario can be failed is what saboteurs show; that it can be passed must be shown as well, of answers that no broker here gives. */
const HONEST: readonly (readonly [BrokerHarness, readonly string[]])[] = [
  [
    modestHarness({ durable: "machine", fenced: false }),
    [
      "publish/duplicate-within-window",
      "settlement/starts-are-not-counted",
      "settlement/deliveries-are-not-counted",
      "redelivery/stale-holder-harms-nobody",
      "order/release-may-lose-its-place",
      "priority/banded",
      "delay/skewed-producer-shifts",
      "dead-letters/cannot-be-browsed",
      "dead-letters/are-kept",
      "introspection/depth-cannot-tell-ready",
      "introspection/depth-cannot-tell-delayed",
      "introspection/depth-cannot-tell-owned",
      "introspection/depth-cannot-tell-dead",
      "introspection/oldest-ready-age-is-unknown",
      "purge/removes-owned-too",
      "revoke/delayed-may-wait-to-be-dropped",
      "pause/is-missing",
      "restart/machine-survives-a-power-cut",
    ],
  ],
  [
    modestHarness({ durable: "process", ownership: "connection" }),
    [
      "lease/connection-needs-no-renewal",
      "overdue/never",
      "redelivery/cut-comes-again-to-its-holder",
      "restart/process-survives-a-kill",
    ],
  ],
  [modestHarness({ ownership: "connection", maxUnsettledMs: 3_600_000 }), ["overdue/is-taken-back-and-told"]],
  [orderedHarness("banded"), ["priority/banded-overtakes-what-waits", "priority/banded-all-get-on"]],
  [orderedHarness("returned-first"), ["priority/returned-goes-first"]],
  [
    lockedHarness(() => Promise.reject(turnedAway("the server knows no such user with that password"))),
    ["secrets/wrong-credentials-end-the-start"],
  ],
];

for (const [harness, ids] of HONEST) {
  for (const id of ids) {
    test(`${id} is kept by a broker that answers so, and keeps it`, async () => {
      const scenarios = brokerKit.scenarios.filter((scenario) => scenario.id === id);
      const [report] = (await runScenarios(brokerKit, harness, { scenarios })).scenarios;
      expect(report).toMatchObject({ id, status: "proven" });
    });
  }
}

test("every scenario of the broker kit is kept by somebody", () => {
  const file = new URL("../../../docs/capability-matrix.json", import.meta.url);
  const record = JSON.parse(readFileSync(file, "utf8")) as {
    readonly kit: string;
    readonly findings: Readonly<Record<string, string>>;
  }[];
  const proven = new Set(HONEST.flatMap(([, ids]) => ids));
  for (const { kit, findings } of record) {
    if (kit === "broker") for (const [id, found] of Object.entries(findings)) if (found === "proven") proven.add(id);
  }
  expect(brokerKit.scenarios.map(({ id }) => id).filter((id) => !proven.has(id))).toEqual([]);
});
