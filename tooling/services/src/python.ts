/** A Python that can import what is asked for: on this machine already, or installed now. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { canInstall, find } from "./binaries.ts";
import { installPackages } from "./debian.ts";

const run = promisify(execFile);

/** What is imported, and Debian's package that brings it: `{ celery: "python3-celery" }`. */
export type PythonModules = Readonly<Record<string, string>>;

/** Debian's own first: its packages are for it alone, whatever else is called `python3` on the path. */
const DEBIANS = "/usr/bin/python3";

/** Resolves with the interpreter's path; `LOVAGE_TEST_PYTHON` names one of your own. Rejects with what a person can do. */
export async function providePython(modules: PythonModules): Promise<string> {
  const found = await capable(modules);
  if (found !== undefined) return found;
  const packages = Object.values(modules);
  if (process.env.LOVAGE_TEST_PYTHON === undefined && (await canInstall())) {
    await installPackages(packages, async () => (await capable(modules)) === undefined);
    const installed = await capable(modules);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `no Python with ${Object.keys(modules).join(" and ")} on this machine: install it (Debian: apt-get install ${packages.join(" ")}), or name one in LOVAGE_TEST_PYTHON`,
  );
}

async function capable(modules: PythonModules): Promise<string | undefined> {
  const named = process.env.LOVAGE_TEST_PYTHON;
  const candidates = named === undefined ? [DEBIANS, await find("python3")] : [named];
  for (const python of candidates) {
    if (python === undefined) continue;
    try {
      await run(python, ["-c", `import ${Object.keys(modules).join(", ")}`]);
      return python;
    } catch {
      // Not there, or without them.
    }
  }
  return undefined;
}
