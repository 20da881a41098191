/** A broker that is broken on purpose. */

import { brokerSaboteurs } from "@lovage/conformance/saboteurs";

const saboteur = brokerSaboteurs.find(({ caughtBy }) => caughtBy.includes("settlement/deliveries-are-counted"));
export const brokerHarness = saboteur?.harness;
