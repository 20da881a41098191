import { poolKit } from "@lovage/conformance/pool";
import { describeKit } from "@lovage/conformance/vitest";
import { eventPool } from "../src/index.ts";

const shape = { sizes: "any", shared: true } as const;

describeKit(poolKit, { name: "event pool", ...shape, create: (settings) => eventPool({ size: 20, ...settings }) });

describeKit(poolKit, {
  name: "event pool, loops in processes",
  ...shape,
  create: (settings) => eventPool({ size: 20, ...settings, isolation: "process" }),
});

describeKit(poolKit, {
  name: "event pool, inline",
  ...shape,
  create: ({ maxHeapMb: _heap, ...settings }) => eventPool({ size: 20, ...settings, inline: true }),
});
