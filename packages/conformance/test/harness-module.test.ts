import { expect, test } from "vitest";
import { type HarnessModule, kitRuns } from "../src/conform/index.ts";
import { controlScenarios } from "../src/index.ts";
import type { PoolHarness } from "../src/pool/index.ts";
import { memoryHarness } from "../src/saboteurs/index.ts";

const poolHarness: PoolHarness = {
  name: "a pool",
  sizes: "any",
  shared: false,
  create: () => expect.unreachable("no pool is made before its kit runs"),
};

async function kits(module: HarnessModule): Promise<readonly string[]> {
  return (await kitRuns(module)).map(({ kit }) => kit);
}

test("a default export is a broker's harness, or a pool's if it has sizes; it may be a function", async () => {
  expect(await kits({ default: memoryHarness() })).toEqual(["broker"]);
  expect(await kits({ default: poolHarness })).toEqual(["pool"]);
  expect(await kits({ default: async () => poolHarness })).toEqual(["pool"]);
});

test("a broker's harness proves its control channel as well, unless there is a harness for that", async () => {
  const control = (ids: readonly { id: string }[] = []): number =>
    ids.filter(({ id }) => id.startsWith("control/")).length;
  const [together] = await kitRuns({ brokerHarness: memoryHarness });
  expect(control(together?.scenarios)).toBe(controlScenarios.length);
  const [broker, channel] = await kitRuns({ brokerHarness: memoryHarness, controlHarness: memoryHarness });
  expect([control(broker?.scenarios), control(channel?.scenarios)]).toEqual([0, controlScenarios.length]);
});

test("a module of a broker, a result store and a pool runs three kits", async () => {
  const resultStoreHarness = { name: "results", create: () => expect.unreachable() };
  const module = { brokerHarness: memoryHarness, resultStoreHarness, poolHarness };
  expect(await kits(module)).toEqual(["broker", "result store", "pool"]);
});

test("a module without a harness says which names are looked for", async () => {
  await expect(kits({})).rejects.toThrow(
    /export one as brokerHarness, controlHarness, resultStoreHarness or poolHarness/,
  );
});
