import type { BrokerCapabilities, ResultStoreCapabilities } from "@lovage/core/contracts";
import { describe, expect, test } from "vitest";
import { brokerKit, resultStoreKit, type Scenario } from "../src/index.ts";
import { type PoolFacts, poolKit } from "../src/pool/index.ts";
import { brokerSaboteurs } from "../src/saboteurs/index.ts";

type Flat = Readonly<Record<string, unknown>>;
type Answers<Capabilities> = { readonly [Name in keyof Required<Capabilities>]: readonly Capabilities[Name][] };

const YES_NO = [true, false] as const;
const HOUR_MS = 3_600_000;

/** Every answer that there is; of numbers, a small and a large one. A capability that is missing here does not compile. */
const BROKER: Answers<Omit<BrokerCapabilities, "depth"> & BrokerCapabilities["depth"]> = {
  ownership: ["lease", "connection"],
  maxUnsettledMs: [undefined, HOUR_MS],
  fenced: YES_NO,
  durable: ["none", "process", "machine"],
  dedupe: ["while-present", "window", "none"],
  priority: ["strict", "returned-first", "banded", "none"],
  stablePosition: YES_NO,
  delayResolutionMs: [1, 1_000],
  maxDelayMs: [HOUR_MS, Number.MAX_SAFE_INTEGER],
  delayedRemove: YES_NO,
  countsDeliveries: YES_NO,
  countsStarts: YES_NO,
  ready: YES_NO,
  delayed: YES_NO,
  owned: YES_NO,
  dead: YES_NO,
  oldestReadyAge: YES_NO,
  purgeKeepsOwned: YES_NO,
  pause: YES_NO,
  deadLetterBrowse: YES_NO,
  brokerClock: YES_NO,
  shared: YES_NO,
  maxMessageBytes: [1_024, Number.MAX_SAFE_INTEGER],
};

const POOL: Answers<PoolFacts> = {
  isolation: ["none", "loop", "thread", "process"],
  kill: ["always", "javascript", "never"],
  killTakesNeighbours: YES_NO,
  recycles: YES_NO,
  reportsMemory: YES_NO,
  passing: ["copy", "reference"],
  sizes: ["any", "one"],
  shared: YES_NO,
};

const RESULTS: Answers<ResultStoreCapabilities> = { keptFor: ["anyone", "caller"] };

/** Of these no scenario is left out: the bounds of those that apply to all follow from the number. */
const BOUNDS = new Map([["delayResolutionMs", "is later than its resolution says"]]);

/** The first answers, the last ones, and each of both with one answer changed: enough for what scenarios ask together. */
function variants(answers: Readonly<Record<string, readonly unknown[]>>): readonly Flat[] {
  const pick = (which: 0 | -1): Flat =>
    Object.fromEntries(Object.entries(answers).map(([name, all]) => [name, all.at(which)]));
  const bases = [pick(0), pick(-1)];
  const changed = bases.flatMap((base) =>
    Object.entries(answers).flatMap(([name, all]) => all.map((answer) => ({ ...base, [name]: answer }))),
  );
  return [...bases, ...changed];
}

/** Scenarios that apply with this answer and, all else the same, do not with another. */
function decidedBy<Context>(
  scenarios: readonly Scenario<Context, never>[],
  answers: Readonly<Record<string, readonly unknown[]>>,
  name: string,
  answer: unknown,
  shaped: (flat: Flat) => never,
): readonly string[] {
  const others = (answers[name] ?? []).filter((other) => other !== answer);
  const applies = (scenario: Scenario<Context, never>, flat: Flat): boolean =>
    scenario.requires?.(shaped(flat)) !== false;
  return scenarios
    .filter((scenario) =>
      variants(answers).some(
        (base) =>
          applies(scenario, { ...base, [name]: answer }) &&
          others.some((other) => !applies(scenario, { ...base, [name]: other })),
      ),
    )
    .map(({ id }) => id);
}

function everyAnswerHasScenarios<Context>(
  kit: { readonly name: string; readonly scenarios: readonly Scenario<Context, never>[] },
  answers: Readonly<Record<string, readonly unknown[]>>,
  shaped: (flat: Flat) => never,
): void {
  describe(`the ${kit.name} kit has scenarios of its own for`, () => {
    for (const [name, all] of Object.entries(answers)) {
      // A body or a delay that is too large cannot be made where there is no limit: that is what the other answer says.
      const asked = all.filter((answer) => answer !== Number.MAX_SAFE_INTEGER);
      for (const answer of BOUNDS.has(name) ? [] : asked) {
        test(`${name}: ${JSON.stringify(answer)}`, () => {
          expect(decidedBy(kit.scenarios, answers, name, answer, shaped)).not.toEqual([]);
        });
      }
    }
  });
}

everyAnswerHasScenarios(brokerKit, BROKER, ({ ready, delayed, owned, dead, ...rest }) => {
  return { ...rest, depth: { ready, delayed, owned, dead } } as never;
});
everyAnswerHasScenarios(poolKit, POOL, (flat) => flat as never);
everyAnswerHasScenarios(resultStoreKit, RESULTS, (flat) => flat as never);

test("what only bounds a scenario has a saboteur that is past the bound", () => {
  for (const [, name] of BOUNDS) expect(brokerSaboteurs.map((saboteur) => saboteur.name)).toContain(name);
});
