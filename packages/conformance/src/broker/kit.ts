import type { Broker, BrokerCapabilities } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import { grownSince, resources } from "../resources.ts";
import type { Bench, Kit, Power } from "../scenario.ts";
import { calibrate } from "../tolerance.ts";
import { BrokerContext, type BrokerScenario } from "./context.ts";
import type { BrokerHarness } from "./harness.ts";

export type BrokerKit = Kit<BrokerHarness, BrokerContext, BrokerCapabilities>;

/** A kit whose scenarios work on a broker. */
export function kitOnBroker(name: string, scenarios: readonly BrokerScenario[]): BrokerKit {
  return { name, scenarios, open: openBrokerBench };
}

async function openBrokerBench(harness: BrokerHarness): Promise<Bench<BrokerContext, BrokerCapabilities>> {
  const tolerance = await calibrate(harness.patienceMs);
  const before = new Set(await harness.leftovers?.());
  const runningBefore = resources();
  const broker = await harness.create();
  await broker.connect();
  const { capabilities } = broker;
  const powers = brokerPowers(harness, broker);
  const queuesBefore = new Set(await broker.queues());
  await broker.close();
  return {
    subject: harness.name,
    capabilities,
    powers,
    begin(scenario) {
      const context = new BrokerContext(harness, capabilities, tolerance, scenario.id);
      return { context, end: (passed) => context.end(passed) };
    },
    async close() {
      const last = await harness.create();
      await last.connect();
      const queues = (await last.queues()).filter((queue) => !queuesBefore.has(queue)).map((queue) => `queue ${queue}`);
      await last.close();
      const others = ((await harness.leftovers?.()) ?? []).filter((name) => !before.has(name));
      await harness.close?.();
      return [...queues, ...others, ...(await leftRunning(runningBefore, tolerance.patienceMs))];
    },
  };
}

/** Sockets, threads and processes that the run began and that do not end. Timers are the business of one scenario: the runner has some too. */
async function leftRunning(before: ReadonlyMap<string, number>, patienceMs: number): Promise<readonly string[]> {
  const look = (): readonly string[] =>
    grownSince(before).flatMap(([kind, more]) => (kind === "Timeout" ? [] : [`${more} ${kind} running`]));
  await eventually("all to have ended", () => look().length === 0, { timeoutMs: patienceMs }).catch(() => {});
  return look();
}

function brokerPowers(harness: BrokerHarness, broker: Broker): ReadonlySet<Power> {
  const { faults, spawnable, skewable, leftovers, locked, buried } = harness;
  const has: Readonly<Record<Power, boolean>> = {
    restart: faults?.restart !== undefined,
    freeze: faults?.freeze !== undefined,
    "drop-replies": faults?.dropReplies !== undefined,
    reset: faults?.reset !== undefined,
    refuse: faults?.refuse !== undefined,
    "half-open": faults?.halfOpen !== undefined,
    block: faults?.block !== undefined,
    "power-cut": faults?.powerCut !== undefined,
    fill: faults?.fill !== undefined,
    overdue: faults?.overdue !== undefined,
    spawn: spawnable !== undefined,
    leftovers: leftovers !== undefined,
    locked: locked !== undefined,
    buried: buried !== undefined,
    skew: skewable === true,
    control: broker.control !== undefined,
  };
  return new Set((Object.keys(has) as Power[]).filter((power) => has[power]));
}
