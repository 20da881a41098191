/**
 * What a user would get from npm, for every package that is not private: the packed files, their exports and their types.
 * Needs a build. Prints one line per package and ends with 1 when one of them is broken.
 */

import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const bin = join(repository, "node_modules/.bin");

const tools = [
  ["publint", ["--strict", "--pack", "npm", "."]],
  // ESM only: that `require` and pre-2021 resolvers find nothing is the intent, not a finding.
  ["attw", ["--pack", ".", "--profile", "esm-only", "--quiet"]],
] as const;

let broken = 0;
for (const manifest of globSync(["packages/*/package.json", "apps/*/package.json"], { cwd: repository }).sort()) {
  const { name, private: unpublished } = JSON.parse(readFileSync(join(repository, manifest), "utf8")) as {
    name: string;
    private?: boolean;
  };
  if (unpublished === true) continue;
  const complaints = tools.flatMap(([tool, args]) => {
    const run = spawnSync(join(bin, tool), args, { cwd: join(repository, dirname(manifest)), encoding: "utf8" });
    if (run.error !== undefined) throw run.error;
    return run.status === 0 ? [] : [`${tool}:\n${run.stdout}${run.stderr}`.trimEnd()];
  });
  console.log(complaints.length === 0 ? `ok      ${name}` : `broken  ${name}\n${complaints.join("\n")}`);
  broken += complaints.length;
}
process.exitCode = broken === 0 ? 0 : 1;
