/** What an author of a broker, a result store and a pool hands to `lovage conform`. */

import type { HarnessModule } from "@lovage/conformance/conform";
import { memoryHarness } from "@lovage/conformance/saboteurs";
import { memoryResults, memoryServer } from "@lovage/core/memory";
import { soloPool } from "@lovage/pool-solo";

const records = memoryServer();

export default memoryHarness;
export const resultStoreHarness: HarnessModule["resultStoreHarness"] = {
  name: "memory results",
  create: () => memoryResults({ server: records }),
};
export const poolHarness: HarnessModule["poolHarness"] = {
  name: "solo pool",
  sizes: "one",
  shared: false,
  create: soloPool,
};
