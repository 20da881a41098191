/** The document server as a process of its own. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { endChild } from "./child.ts";

const SERVER = fileURLToPath(import.meta.url).replace(/server-process(\.[jt]s)$/, "document-server$1");

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly address: string;
}

/** Resolves when it listens. */
export async function startServer(folder: string, latencyMs: number, unlucky: number): Promise<ServerProcess> {
  const child = fork(SERVER, [folder, String(latencyMs), String(unlucky)]);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the document server ended with ${code} before it listened`);
  });
  const [{ port }] = (await Promise.race([once(child, "message"), ended])) as [{ port: number }];
  ended.catch(() => {}); // from here on its end is ours
  return {
    pid: child.pid as number,
    address: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () => endChild(child, 1_000),
  };
}
