/**
 * How many CPUs this process may use: the smaller of the CPU affinity and the container's quota.
 *
 * `os.availableParallelism()` of Node 24 (libuv 1.52) follows affinity and a cgroup v2 `cpu.max`, but not a cgroup v1 quota, and older
 * lines follow neither; so both are read here. A pool of more computing executors than the quota pays for is throttled together with
 * the engine, hence a fraction is rounded down, to at least 1.
 */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Gives a file's text, or undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

const MOUNT = "/sys/fs/cgroup";

function* upwards(path: string): Iterable<string> {
  let at = path === "/" ? "" : path;
  for (;;) {
    yield at;
    if (at === "") return;
    at = at.slice(0, at.lastIndexOf("/"));
  }
}

function ratio(quota: string | undefined, period: string | undefined): number | undefined {
  const [over, under] = [Number(quota), Number(period)];
  return over > 0 && under > 0 ? over / under : undefined;
}

function quotaV2(read: ReadText, path: string): number | undefined {
  const [quota, period] = read(`${MOUNT}${path}/cpu.max`)?.trim().split(/\s+/) ?? [];
  return ratio(quota, period ?? "100000");
}

function quotaV1(read: ReadText, controllers: string, path: string): number | undefined {
  for (const folder of new Set([controllers, "cpu", "cpu,cpuacct", "cpuacct,cpu"])) {
    const base = `${MOUNT}/${folder}${path}`;
    const quota = read(`${base}/cpu.cfs_quota_us`);
    if (quota !== undefined) return ratio(quota, read(`${base}/cpu.cfs_period_us`));
  }
  return undefined;
}

/** The tightest CPU quota on the way from this process's cgroup to the root, in CPUs; undefined where none is set. */
export function cpuQuota(read: ReadText): number | undefined {
  const quotas: number[] = [];
  for (const line of read("/proc/self/cgroup")?.split("\n") ?? []) {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === "") continue;
    for (const at of upwards(path)) {
      const quota =
        controllers === ""
          ? quotaV2(read, at)
          : controllers.split(",").includes("cpu")
            ? quotaV1(read, controllers, at)
            : undefined;
      if (quota !== undefined) quotas.push(quota);
    }
  }
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/** Whole CPUs to compute on. */
export function usableCpus(parallelism: number, quota: number | undefined): number {
  return Math.max(1, Math.min(parallelism, quota === undefined ? parallelism : Math.floor(quota)));
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** {@link usableCpus} of this process. */
export function availableCpus(): number {
  return usableCpus(availableParallelism(), process.platform === "linux" ? cpuQuota(readText) : undefined);
}
