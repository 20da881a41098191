/**
 * `pnpm release:check`: would a release be whole? Packs every publishable package, looks at each as npm would get it, then installs
 * parts of Lovage outside the workspace and uses them. Needs a build. Ends with 1 when something is wrong.
 *
 * `--no-installs` looks at the packages only; `--keep` leaves the folder with tarballs and installations.
 */

import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { command, repository } from "./command.ts";
import { type Installation, tryInstall } from "./installs.ts";
import { installsPage } from "./installs-page.ts";
import { pack } from "./pack.ts";
import { packageFaults } from "./published.ts";
import { subsets } from "./subsets.ts";
import { releasePlan, versionFaults } from "./versions.ts";
import { publishable } from "./workspace.ts";

const { values } = parseArgs({
  options: { "no-installs": { type: "boolean", default: false }, keep: { type: "boolean", default: false } },
});

const directory = await realpath(await mkdtemp(join(tmpdir(), "lovage-release-")));
try {
  process.exitCode = (await check()) === 0 ? 0 : 1;
} finally {
  if (values.keep) console.log(`kept ${directory}`);
  else await rm(directory, { recursive: true, force: true });
}

async function check(): Promise<number> {
  const sources = publishable();
  const packed = await pack(sources, directory);
  let faults = 0;
  for (const each of packed) faults += report(each.manifest.name, await packageFaults(each, packed));
  if (values["no-installs"]) return faults;

  faults += report("versions by changesets", versionFaults(await releasePlan(directory), sources));
  const installations: Installation[] = [];
  for (const subset of subsets) {
    const installation = await tryInstall(subset, packed, directory);
    installations.push(installation);
    faults += report(subset.title, installation.faults);
  }
  if (faults === 0) await writePage(installations);
  return faults;
}

function report(subject: string, faults: readonly string[]): number {
  console.log(faults.length === 0 ? `ok      ${subject}` : `broken  ${subject}`);
  for (const fault of faults) console.log(`        ${fault.replaceAll("\n", "\n        ")}`);
  return faults.length;
}

async function writePage(installations: readonly Installation[]): Promise<void> {
  const page = installsPage(installations, {
    node: process.versions.node,
    npm: (await command("npm", ["--version"], { directory })).trim(),
    platform: `${process.platform} ${process.arch}`,
  });
  await writeFile(join(repository, "docs/installs.md"), page);
  console.log(`\n${page.slice(page.indexOf("| part"), page.indexOf("## ")).trim()}\n\nwritten to docs/installs.md`);
}
