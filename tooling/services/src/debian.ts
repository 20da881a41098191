/** Debian's packages, installed without starting a service, where this process may do so. */

import { execFile } from "node:child_process";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const POLICY = "/usr/sbin/policy-rc.d";

/** `missing` is asked once more when it is our turn: another process may have installed them meanwhile. */
export async function installPackages(packages: readonly string[], missing: () => Promise<boolean>): Promise<void> {
  await alone(async () => {
    if (await missing()) await install(packages);
  });
}

/** Debian's packages ask this script whether their service may start, and 101 forbids. */
async function install(packages: readonly string[]): Promise<void> {
  const ours = await writeFile(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" }).then(
    () => true,
    () => false,
  );
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"];
  try {
    await run("apt-get", [...wait, "update"], { env });
    await run("apt-get", [...wait, "install", "-y", "--no-install-recommends", ...packages], {
      env,
      maxBuffer: 1 << 26,
    });
  } finally {
    if (ours) await rm(POLICY, { force: true });
  }
}

const LOCK = join(tmpdir(), "lovage-services-install.lock");
/** Longer than an installation takes: who made the lock has died. */
const STALE_MS = 600_000;

/** One installation at a time, whichever process asks. */
async function alone(action: () => Promise<void>): Promise<void> {
  while (!(await taken())) await new Promise((resolve) => setTimeout(resolve, 250));
  try {
    await action();
  } finally {
    await rm(LOCK, { recursive: true, force: true });
  }
}

async function taken(): Promise<boolean> {
  try {
    await mkdir(LOCK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const made = await stat(LOCK).catch(() => undefined);
  if (made !== undefined && Date.now() - made.mtimeMs > STALE_MS) await rm(LOCK, { recursive: true, force: true });
  return false;
}
