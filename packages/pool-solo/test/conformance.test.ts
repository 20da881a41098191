import { poolKit } from "@lovage/conformance/pool";
import { describeKit } from "@lovage/conformance/vitest";
import { soloPool } from "../src/index.ts";

const shape = { sizes: "one", shared: false } as const;

describeKit(poolKit, { name: "solo pool", ...shape, create: soloPool });

describeKit(poolKit, {
  name: "solo pool, inline",
  ...shape,
  create: ({ maxHeapMb: _heap, ...settings }) => soloPool({ ...settings, inline: true }),
});
