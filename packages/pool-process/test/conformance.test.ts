import { poolKit } from "@lovage/conformance/pool";
import { describeKit } from "@lovage/conformance/vitest";
import { processPool } from "../src/index.ts";

describeKit(poolKit, {
  name: "process pool",
  sizes: "any",
  shared: false,
  create: (settings) => processPool({ size: 2, ...settings }),
});
