import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { command, repository, tool } from "./command.ts";
import type { SourcePackage } from "./workspace.ts";

/** What `changeset status --output` writes. */
export interface ReleasePlan {
  readonly releases: readonly {
    readonly name: string;
    /** `none`: listed because it depends on one that is released. */
    readonly type: "major" | "minor" | "patch" | "none";
    readonly newVersion: string;
  }[];
}

/** Asks changesets what would be released. Rejects when a changed package has no changeset. */
export async function releasePlan(directory: string): Promise<ReleasePlan> {
  const file = join(directory, "release-plan.json");
  await command(tool.root("changeset"), ["status", "--output", file], { directory: repository });
  return JSON.parse(await readFile(file, "utf8")) as ReleasePlan;
}

/** All published packages share one version, now and after the next release, and nothing else is released with them. */
export function versionFaults(plan: ReleasePlan, packages: readonly SourcePackage[]): readonly string[] {
  const names = new Set(packages.map(({ name }) => name));
  const differ = (versions: ReadonlyMap<string, string>, when: string): string[] =>
    new Set(versions.values()).size <= 1
      ? []
      : [`versions differ ${when}: ${[...versions].map(([name, version]) => `${name} ${version}`).join(", ")}`];
  const planned = new Map(
    plan.releases.filter(({ type }) => type !== "none").map(({ name, newVersion }) => [name, newVersion]),
  );
  return [
    ...differ(new Map(packages.map(({ name, manifest }) => [name, manifest.version])), "now"),
    ...differ(planned, "after the next release"),
    ...[...planned.keys()].filter((name) => !names.has(name)).map((name) => `${name} is private and would be released`),
    ...(planned.size === 0
      ? []
      : [...names].filter((name) => !planned.has(name)).map((name) => `the next release leaves out ${name}`)),
  ];
}
