import { expect, it } from "vitest";
import type { InstalledPackage } from "../src/consumer.ts";
import { treeFaults } from "../src/installs.ts";
import { installsPage } from "../src/installs-page.ts";
import { subsets } from "../src/subsets.ts";

const installed = (name: string, ours: boolean, dependencies: Record<string, string> = {}): InstalledPackage => ({
  name,
  version: "1.0.0",
  ours,
  folder: `node_modules/${name}`,
  manifest: { name, version: "1.0.0", dependencies },
  bytes: 100 * 1_024,
});
const core = installed("@lovage/core", true, { ms: "^2.0.0" });
const ms = installed("ms", false);
const subset = { brings: ["@lovage/core"], libraries: ["ms"], mostKiB: 150 };

it("finds no fault in a tree that is as it should be, with what libraries bring themselves", () => {
  expect(treeFaults(subset, [core, ms, installed("brought-by-ms", false)])).toEqual([]);
});

it("finds a package of ours that came along", () => {
  expect(treeFaults({ ...subset, mostKiB: 300 }, [core, ms, installed("@lovage/pool-event", true)])).toEqual([
    "packages of Lovage that are there and should not be: @lovage/pool-event",
  ]);
});

it("finds a library that one of ours asks for and nobody decided on", () => {
  const heavier = installed("@lovage/core", true, { ms: "^2.0.0", ioredis: "^5.0.0" });
  expect(treeFaults(subset, [heavier, ms, installed("ioredis", false)])).toEqual([
    "libraries that are there and should not be: ioredis",
  ]);
});

it("finds what is missing", () => {
  expect(treeFaults(subset, [])).toEqual([
    "packages of Lovage that should be there and are not: @lovage/core",
    "libraries that should be there and are not: ms",
  ]);
});

it("finds a package of ours that was fetched instead of unpacked", () => {
  expect(treeFaults(subset, [core, ms, installed("@lovage/pool-solo", false)])).toEqual([
    "@lovage/pool-solo came from the registry, not from its tarball",
  ]);
});

it("bounds what our part takes, not what libraries take", () => {
  expect(treeFaults({ ...subset, mostKiB: 99 }, [core, ms])).toEqual([
    "our part takes 100 KiB unpacked; the bound is 99",
  ]);
});

it("writes the same page for the same installs, and none of our versions", () => {
  const [first] = subsets;
  if (first === undefined) throw new Error("there are no subsets");
  const circumstances = { node: "24.0.0", npm: "11.0.0", platform: "linux x64" };
  const page = installsPage([{ subset: first, tree: [core, ms], faults: [] }], circumstances);
  expect(page).toContain("| `@lovage/core` |  | 100 KiB |");
  expect(page).toContain("| `ms` | 1.0.0 | 100 KiB |");
  expect(page).toContain("| 1 | 1 | 100 KiB | 200 KiB |");
  expect(page).toBe(installsPage([{ subset: first, tree: [ms, core], faults: [] }], circumstances));
});
