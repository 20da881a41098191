/** docs/capability-matrix.md, from what was recorded. */

import { type Entry, type Finding, KITS, type KitFacts } from "./record.ts";

const HEAD = `# What each adapter can do, and what is proven of it

Written by \`pnpm matrix\` from runs of the [conformance kit](../packages/conformance); never edited by hand, and a test fails when it is out of date. A capability is a value that core acts upon ([brokers](../packages/core/src/contracts/capabilities.ts), [pools](../packages/core/src/contracts/pool.ts)), and each of its answers has scenarios of its own. A promise that is broken makes no page. So each is one of these:

- ✓ the scenario was run, and the promise was kept
- – it does not apply: the adapter's capabilities answer otherwise, and the scenarios of that answer are proven in its place
- *no restart*, *no reset* …: it could not be tried, because the adapter's tests have no such means, often because there is nothing to do it to: an embedded broker has no connection that could be cut, and one clock
`;

const TITLES: Readonly<Record<string, string>> = {
  broker: "Brokers",
  "control channel": "Control channels",
  "result store": "Result stores",
  pool: "Pools",
};

/** A control channel and a result store have none of their own. */
const WITH_CAPABILITIES: ReadonlySet<string> = new Set(["broker", "pool"]);

export function page(entries: readonly Entry[]): string {
  const sections = KITS.map((kit) => {
    const columns = entries.filter((entry) => entry.kit === kit.name);
    const parts = [`## ${TITLES[kit.name]}`];
    if (WITH_CAPABILITIES.has(kit.name)) parts.push(capabilityTable(columns));
    if (groupsOf(kit).length > 1) parts.push(groupTable(kit, columns));
    parts.push(`### Every promise of a ${kit.name}`, promiseTable(kit, columns));
    return parts.join("\n\n");
  });
  return `${[HEAD, ...sections].join("\n")}\n`.replaceAll(/\n(?=## )/g, "\n\n").replaceAll(/\n{3,}/g, "\n\n");
}

function capabilityTable(columns: readonly Entry[]): string {
  const names = [...new Set(columns.flatMap(({ capabilities }) => Object.keys(capabilities ?? {})))];
  const rows = names.map((name) => [
    `\`${name}\``,
    ...columns.map(({ capabilities }) => shownValue(name, capabilities?.[name])),
  ]);
  return table(["can", ...columns.map(({ subject }) => subject)], rows);
}

const TIMES: readonly (readonly [ms: number, unit: string])[] = [
  [365 * 86_400_000, "years"],
  [86_400_000, "days"],
  [1_000, "s"],
  [1, "ms"],
];

/** Values as people read them: durations and sizes in the largest unit that is exact, a set of flags as those that are set. */
function shownValue(name: string, value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object" && value !== null) {
    const set = Object.entries(value).filter(([, flag]) => flag === true);
    return set.length === 0 ? "none" : set.map(([flag]) => flag).join(", ");
  }
  if (typeof value !== "number") return String(value);
  if (value === Number.MAX_SAFE_INTEGER || value === Number.POSITIVE_INFINITY) return "any";
  if (name.endsWith("Bytes") && value % 1_048_576 === 0) return `${value / 1_048_576} MiB`;
  const [ms, unit] = (name.endsWith("Ms") && TIMES.find(([size]) => value % size === 0)) || [1, ""];
  return `${(value / ms).toLocaleString("en-US")} ${unit}`.trim();
}

function groupsOf(kit: KitFacts): readonly string[] {
  return [...new Set(kit.scenarios.map(({ group }) => group))];
}

/** How many promises of each group are proven; of how many that apply, where some could not be tried. */
function groupTable(kit: KitFacts, columns: readonly Entry[]): string {
  const rows = groupsOf(kit).map((group) => {
    const ids = kit.scenarios.filter((scenario) => scenario.group === group).map(({ id }) => id);
    return [group, ...columns.map((entry) => counted(ids.map((id) => entry.findings[id])))];
  });
  const total = columns.map((entry) => `**${counted(kit.scenarios.map(({ id }) => entry.findings[id]))}**`);
  const head = ["promises proven", ...columns.map(({ subject }) => subject)];
  return table(head, [...rows, ["**all**", ...total]]);
}

function counted(findings: readonly (Finding | undefined)[]): string {
  const count = (finding: Finding): number => findings.filter((found) => found === finding).length;
  const proven = count("proven");
  const applicable = findings.length - count("otherwise");
  if (applicable === 0) return "–";
  return proven === applicable ? String(proven) : `${proven} of ${applicable}`;
}

function promiseTable(kit: KitFacts, columns: readonly Entry[]): string {
  const rows = kit.scenarios.map(({ id, promise }) => [
    `\`${id}\``,
    promise.replaceAll("|", "\\|"),
    ...columns.map(({ findings }) => mark(findings[id])),
  ]);
  return table(["scenario", "promise", ...columns.map(({ subject }) => subject)], rows);
}

function mark(finding: Finding | undefined): string {
  if (finding === undefined) return "?";
  if (finding === "proven") return "✓";
  return finding === "otherwise" ? "–" : `*${finding}*`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
