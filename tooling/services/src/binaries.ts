/** Where a server's program is: on this machine already, or installed now. */

import { execFile } from "node:child_process";
import { access, constants, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A server that tests need, as a machine may have it. */
export interface Program {
  /** Its command: `redis-server`. */
  readonly command: string;
  /** Debian's package that brings it. */
  readonly debian: string;
  /** Variable that names a server to use instead of one started here: `LOVAGE_TEST_REDIS`. */
  readonly variable: string;
}

/** Debian keeps servers out of the path of ordinary users. */
const MORE_PLACES = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];

/** Resolves with the program's path, and installs it first where that is possible. Rejects with what a person can do. */
export async function provide(program: Program): Promise<string> {
  const found = await find(program.command);
  if (found !== undefined) return found;
  if (await canInstall()) {
    await alone(() => install(program));
    const installed = await find(program.command);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `no ${program.command} on this machine. One of these helps: install it (Debian: apt-get install ${program.debian}; as root the tests do so themselves), or start a server of your own, for example with docker compose -f tooling/services/compose.yaml up --wait, and name it in ${program.variable}`,
  );
}

async function find(command: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...MORE_PLACES]) {
    const path = join(folder, command);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

async function canInstall(): Promise<boolean> {
  return process.platform === "linux" && process.getuid?.() === 0 && (await find("apt-get")) !== undefined;
}

const POLICY = "/usr/sbin/policy-rc.d";

/** Installs without starting a service: Debian's packages ask this script, and 101 forbids. */
async function install({ command, debian }: Program): Promise<void> {
  if ((await find(command)) !== undefined) return;
  const ours = await writeFile(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" }).then(
    () => true,
    () => false,
  );
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"];
  try {
    await run("apt-get", [...wait, "update"], { env });
    await run("apt-get", [...wait, "install", "-y", "--no-install-recommends", debian], { env, maxBuffer: 1 << 26 });
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
