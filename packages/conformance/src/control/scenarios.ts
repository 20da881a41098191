import type { BrokerScenario } from "../broker/context.ts";
import { inGroup } from "../scenario.ts";
import { commands } from "./commands.ts";
import { events } from "./events.ts";

export const controlScenarios: readonly BrokerScenario[] = inGroup(
  "control",
  [...commands, ...events].map((scenario) => ({ ...scenario, needs: ["control"] as const })),
);
