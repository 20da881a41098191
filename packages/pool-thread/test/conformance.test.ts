import { poolKit } from "@lovage/conformance/pool";
import { describeKit } from "@lovage/conformance/vitest";
import { threadPool } from "../src/index.ts";

describeKit(poolKit, {
  name: "thread pool",
  sizes: "any",
  shared: false,
  create: (settings) => threadPool({ size: 2, ...settings }),
});
