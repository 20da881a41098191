import type { ResultScenario } from "./context.ts";
import { records } from "./records.ts";
import { replies } from "./replies.ts";
import { waiting } from "./waiting.ts";

export const resultScenarios: readonly ResultScenario[] = [...records, ...waiting, ...replies];
