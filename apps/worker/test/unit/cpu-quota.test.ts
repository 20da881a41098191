import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { availableCpus, cpuQuota, type ReadText, usableCpus } from "../../src/flags/cpu-quota.ts";

/** Reads the files of a system that was copied under `fixtures/`. */
function system(name: string): ReadText {
  return (file) => {
    try {
      return readFileSync(path.join(import.meta.dirname, "../fixtures", name, file), "utf8");
    } catch {
      return undefined;
    }
  };
}

describe("the CPU quota of a container", () => {
  it("is read from cgroup v2", () => {
    expect(cpuQuota(system("cgroup-v2-container"))).toBe(1.5);
  });

  it("is the tightest on the way to the root", () => {
    expect(cpuQuota(system("cgroup-v2-nested"))).toBe(2);
  });

  it("is read from cgroup v1, with controllers mounted together", () => {
    expect(cpuQuota(system("cgroup-v1-container"))).toBe(3);
  });

  it("is none where cgroup v1 says -1, cgroup v2 says max, or there is no cgroup", () => {
    expect(cpuQuota(system("cgroup-v1-unlimited"))).toBeUndefined();
    expect(cpuQuota(system("cgroup-v2-unlimited"))).toBeUndefined();
    expect(cpuQuota(system("none"))).toBeUndefined();
  });
});

describe("usable CPUs", () => {
  it.each([
    [8, undefined, 8],
    [8, 1.5, 1],
    [8, 0.25, 1],
    [8, 3, 3],
    [2, 16, 2],
  ])("with parallelism %i and quota %s are %i", (parallelism, quota, cpus) => {
    expect(usableCpus(parallelism, quota)).toBe(cpus);
  });

  it("of this machine are at least one", () => {
    expect(availableCpus()).toBeGreaterThanOrEqual(1);
  });
});
