/** A child that ends with its parent even when neither can run code: the kernel sees to it. */

import { spawnSync } from "node:child_process";

/** Of util-linux: asks the kernel for a signal at the parent's death (prctl, PR_SET_PDEATHSIG), and becomes the command that it is given. */
const SETPRIV = "/usr/bin/setpriv";
const WITH_PARENT = ["--pdeathsig", "KILL"];
/** The code of `--eval`, which a child that runs a file must not be given. */
const CODE_FLAGS = new Set(["-e", "--eval", "-p", "--print", "-pe"]);

let available: boolean | undefined;

/** What `fork` needs so that the child is killed when this process dies. Where the system cannot do it: `nodeOptions` alone. */
export function dyingWithParent(nodeOptions: readonly string[]): { execPath: string; execArgv: string[] } {
  available ??= process.platform === "linux" && spawnSync(SETPRIV, [...WITH_PARENT, "true"]).status === 0;
  const options = withoutCode(nodeOptions);
  return available
    ? { execPath: SETPRIV, execArgv: [...WITH_PARENT, process.execPath, ...options] }
    : { execPath: process.execPath, execArgv: options };
}

function withoutCode(options: readonly string[]): string[] {
  const at = options.findIndex((option) => CODE_FLAGS.has(option));
  return at < 0 ? [...options] : options.toSpliced(at, 2);
}
