import { expect, it } from "vitest";
import { type ReleasePlan, versionFaults } from "../src/versions.ts";

const packages = ["lovage", "@lovage/core"].map((name) => ({
  name,
  folder: name,
  manifest: { name, version: "1.0.0" },
}));
const plan = (versions: Record<string, string>): ReleasePlan => ({
  releases: Object.entries(versions).map(([name, newVersion]) => ({ name, type: "minor", newVersion })),
});

it("finds no fault in a plan that raises all packages to one version, or none", () => {
  expect(versionFaults(plan({ lovage: "1.1.0", "@lovage/core": "1.1.0" }), packages)).toEqual([]);
  expect(versionFaults(plan({}), packages)).toEqual([]);
});

it("finds a package that the next release leaves behind", () => {
  expect(versionFaults(plan({ lovage: "1.1.0" }), packages)).toEqual(["the next release leaves out @lovage/core"]);
});

it("finds versions that part", () => {
  expect(versionFaults(plan({ lovage: "1.1.0", "@lovage/core": "1.0.1" }), packages)).toHaveLength(1);
  const [first, second] = packages;
  if (first === undefined || second === undefined) throw new Error("two packages are needed");
  const apart = [first, { ...second, manifest: { ...second.manifest, version: "0.9.0" } }];
  expect(versionFaults(plan({}), apart)).toEqual(["versions differ now: lovage 1.0.0, @lovage/core 0.9.0"]);
});

it("finds a private package that would be released, and lets one pass that is only listed", () => {
  const all = { lovage: "1.1.0", "@lovage/core": "1.1.0" };
  expect(versionFaults(plan({ ...all, "@lovage/bench": "1.1.0" }), packages)).toEqual([
    "@lovage/bench is private and would be released",
  ]);
  const listed = { name: "@lovage/bench", type: "none", newVersion: "0.0.0" } as const;
  expect(versionFaults({ releases: [...plan(all).releases, listed] }, packages)).toEqual([]);
});
