/** Where a server's program is: on this machine already, or installed now. */

import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { installPackages } from "./debian.ts";

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
    await installPackages([program.debian], async () => (await find(program.command)) === undefined);
    const installed = await find(program.command);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `no ${program.command} on this machine. One of these helps: install it (Debian: apt-get install ${program.debian}; as root the tests do so themselves), or start a server of your own, for example with docker compose -f tooling/services/compose.yaml up --wait, and name it in ${program.variable}`,
  );
}

/** The path of a command; undefined where there is none. */
export async function find(command: string): Promise<string | undefined> {
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

/** Whether packages can be installed: on Debian, as root. */
export async function canInstall(): Promise<boolean> {
  return process.platform === "linux" && process.getuid?.() === 0 && (await find("apt-get")) !== undefined;
}
