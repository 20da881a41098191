import type { Bench, Kit } from "../scenario.ts";
import { calibrate } from "../tolerance.ts";
import { abort } from "./abort.ts";
import { boundary } from "./boundary.ts";
import { close } from "./close.ts";
import { PoolTrial } from "./context.ts";
import { crash } from "./crash.ts";
import { dispatch } from "./dispatch.ts";
import type { PoolFacts, PoolHarness } from "./harness.ts";
import { kill } from "./kill.ts";
import { recycle } from "./recycle.ts";
import { size } from "./size.ts";
import { stall } from "./stall.ts";
import { start } from "./start.ts";
import { statistics } from "./statistics.ts";

export const poolKit: Kit<PoolHarness, PoolTrial, PoolFacts> = {
  name: "pool",
  scenarios: [
    ...dispatch,
    ...boundary,
    ...abort,
    ...kill,
    ...crash,
    ...size,
    ...recycle,
    ...statistics,
    ...start,
    ...stall,
    ...close,
  ],
  open: openPoolBench,
};

async function openPoolBench(harness: PoolHarness): Promise<Bench<PoolTrial, PoolFacts>> {
  const tolerance = await calibrate(harness.patienceMs);
  const { sizes, shared } = harness;
  const facts: PoolFacts = { ...harness.create({}).capabilities, sizes, shared };
  return {
    subject: harness.name,
    capabilities: facts,
    powers: new Set(),
    begin() {
      const context = new PoolTrial(harness, facts, tolerance);
      return { context, end: () => context.end() };
    },
    close: async () => [],
  };
}
