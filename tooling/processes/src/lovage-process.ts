import { fileURLToPath } from "node:url";
import { WatchedProcess } from "./watched-process.ts";

const BIN = fileURLToPath(new URL("../../../apps/worker/bin/lovage.js", import.meta.url));

/** The real `lovage` command. */
export class LovageProcess extends WatchedProcess {
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    super([BIN, ...args], env);
  }
}
