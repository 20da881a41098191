/**
 * `pnpm matrix [name…]`: runs the conformance kits of all adapters, two at a time, and writes docs/capability-matrix.md. With names
 * of packages' folders (`pool-event`) it runs those, with `--page` none: the page is written anew in the scenarios' present words; with
 * `--from <folder>` it takes the reports that a run of the tests with `LOVAGE_CONFORMANCE_DIR=<folder>` has left. Of what was not run, or
 * broke a promise, the earlier record is kept; with a broken promise it ends with 1.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import type { Report } from "@lovage/conformance";
import { ADAPTERS, type Adapter } from "./adapters.ts";
import { REPOSITORY, readRecord, write } from "./files.ts";
import { type Entry, entryOf, KITS } from "./record.ts";

const AT_A_TIME = 2;

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { page: { type: "boolean", default: false }, from: { type: "string" } },
});
const known = ADAPTERS.map(({ folder }) => basename(folder));
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) throw new Error(`no adapter in a folder "${unknown}"; there are ${known.join(", ")}`);

const before = await readRecord();
const wanted = ADAPTERS.filter(
  ({ folder }) => !values.page && (names.length === 0 || names.includes(basename(folder))),
);
const found = values.from === undefined ? await runAll(wanted) : await takeAll(wanted, values.from);
const broken = wanted.filter((adapter) => found.get(adapter) === undefined).map(({ folder }) => folder);
const entries: Entry[] = [];
for (const adapter of ADAPTERS) {
  const subjects = Object.keys(await adapter.capabilities());
  entries.push(...inOrder(found.get(adapter) ?? before, subjects));
}
await write(KITS.flatMap(({ name }) => entries.filter(({ kit }) => kit === name)));
console.log("wrote docs/capability-matrix.md and docs/design/invariants-shown.md");
if (broken.length > 0) {
  console.error(`a promise is broken in ${broken.join(", ")}: what is recorded of it is what was found before`);
  process.exitCode = 1;
}

/** The control channel and the result store of a broker are recorded under its name. */
function inOrder(found: readonly Entry[], subjects: readonly string[]): readonly Entry[] {
  return subjects.flatMap((name) => found.filter(({ subject }) => subject === name));
}

/** As many at a time as the test runner runs files. */
async function runAll(adapters: readonly Adapter[]): Promise<ReadonlyMap<Adapter, readonly Entry[] | undefined>> {
  const results = new Map<Adapter, readonly Entry[] | undefined>();
  const waiting = adapters.values();
  const lane = async (): Promise<void> => {
    for (const adapter of waiting) results.set(adapter, await run(adapter));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return results;
}

/** Of an adapter without a report that can be used: undefined. */
async function takeAll(
  adapters: readonly Adapter[],
  folder: string,
): Promise<ReadonlyMap<Adapter, readonly Entry[] | undefined>> {
  const reports = await reportsIn(folder);
  const taken = new Map<Adapter, readonly Entry[] | undefined>();
  for (const adapter of adapters) {
    const subjects = Object.keys(await adapter.capabilities());
    const own = reports.filter(({ subject }) => subjects.includes(subject));
    taken.set(adapter, own.length === 0 ? undefined : entriesOf(own));
  }
  return taken;
}

/** Undefined when a promise is broken. */
function entriesOf(reports: readonly Report[]): readonly Entry[] | undefined {
  try {
    return reports.map(entryOf);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

async function reportsIn(folder: string): Promise<readonly Report[]> {
  const texts = (await readdir(folder)).map((file) => readFile(join(folder, file), "utf8"));
  return (await Promise.all(texts)).map((text) => JSON.parse(text) as Report);
}

/** Undefined when a promise is broken. */
async function run({ folder, test }: Adapter): Promise<readonly Entry[] | undefined> {
  const reports = await mkdtemp(join(tmpdir(), "lovage-matrix-"));
  try {
    // The test runner of this repository, which is on the PATH of its scripts.
    const child = spawn("vitest", ["run", "--root", folder, test], {
      cwd: REPOSITORY,
      stdio: "inherit",
      env: { ...process.env, LOVAGE_CONFORMANCE_DIR: reports },
    });
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0 ? entriesOf(await reportsIn(reports)) : undefined;
  } finally {
    await rm(reports, { recursive: true });
  }
}
