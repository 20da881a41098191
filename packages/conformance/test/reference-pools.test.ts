import { poolKit } from "../src/pool/index.ts";
import { poolHarness } from "../src/saboteurs/reference-pools.ts";
import { describeKit } from "../src/vitest.ts";

/** What is broken on purpose is sound before: else a saboteur may be caught for another reason than its own. */
describeKit(
  poolKit,
  poolHarness("the reference pool of threads", "thread", (pool) => pool),
);
describeKit(
  poolKit,
  poolHarness("the reference pool of one loop", "loop", (pool) => pool),
);
