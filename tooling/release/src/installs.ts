/** Installs each subset, uses it, and says what it brought along. */

import { Consumer, type InstalledPackage } from "./consumer.ts";
import { declared } from "./manifest.ts";
import type { PackedPackage } from "./pack.ts";
import type { Subset } from "./subsets.ts";

export interface Installation {
  readonly subset: Subset;
  readonly tree: readonly InstalledPackage[];
  readonly faults: readonly string[];
}

export async function tryInstall(
  subset: Subset,
  packed: readonly PackedPackage[],
  directory: string,
): Promise<Installation> {
  const consumer = await Consumer.install(subset, packed, directory);
  const faults = [...treeFaults(subset, consumer.tree)];
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ["entry points cannot all be imported", () => consumer.importAll()],
    ["a TypeScript project does not compile", () => consumer.compile()],
    ["it does not work", () => subset.use(consumer)],
  ];
  for (const [complaint, step] of steps) {
    try {
      await step();
    } catch (error) {
      faults.push(`${complaint}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { subset, tree: consumer.tree, faults };
}

/** What is installed against what should be: packages of ours, the libraries that they ask for, and how much our part takes. */
export function treeFaults(
  subset: Pick<Subset, "brings" | "libraries" | "mostKiB">,
  tree: readonly Pick<InstalledPackage, "name" | "ours" | "manifest" | "bytes">[],
): readonly string[] {
  const ours = tree.filter(({ ours }) => ours);
  const installed = new Set(tree.map(({ name }) => name));
  const asked = ours.flatMap(({ manifest }) => [...declared(manifest).keys()]);
  const libraries = asked.filter((name) => installed.has(name) && !ours.some((each) => each.name === name));
  const stray = tree.filter(({ name, ours }) => !ours && /^(@lovage\/|lovage$)/.test(name)).map(({ name }) => name);
  const kiB = ours.reduce((sum, { bytes }) => sum + bytes, 0) / 1_024;
  return [
    ...difference(
      "packages of Lovage",
      subset.brings,
      ours.map(({ name }) => name),
    ),
    ...difference("libraries", subset.libraries, libraries),
    ...stray.map((name) => `${name} came from the registry, not from its tarball`),
    ...(kiB > subset.mostKiB ? [`our part takes ${Math.round(kiB)} KiB unpacked; the bound is ${subset.mostKiB}`] : []),
  ];
}

function difference(what: string, expected: readonly string[], found: readonly string[]): string[] {
  const missing = expected.filter((name) => !found.includes(name));
  const more = [...new Set(found)].filter((name) => !expected.includes(name));
  return [
    ...(missing.length > 0 ? [`${what} that should be there and are not: ${missing.join(", ")}`] : []),
    ...(more.length > 0 ? [`${what} that are there and should not be: ${more.join(", ")}`] : []),
  ];
}
