/** Other queues, installed when they are asked for: nobody who does not compare needs their native parts. */

import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const PEERS = {
  "bee-queue": "2.0.0",
  "better-sqlite3": "13.2.0",
  bullmq: "6.7.0",
  ioredis: "6.0.0",
  piscina: "5.3.2",
  plainjob: "0.0.14",
  tinypool: "2.2.0",
};
const FOLDER = join(import.meta.dirname, "../../node_modules/.cache/peers");

let installed: Promise<string> | undefined;

/** URL that modules of the peers can be resolved from. Installs them once per process, which is quick when they are there. */
export function peerFolder(): Promise<string> {
  installed ??= install();
  return installed;
}

async function install(): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, "package.json"), JSON.stringify({ private: true, type: "module", dependencies: PEERS }));
  await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], { cwd: FOLDER });
  return pathToFileURL(join(FOLDER, "package.json")).href;
}
