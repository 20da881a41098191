/** What pools are compared with: bare child processes, piscina, tinypool; two units each, one task at a time in each. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { DispatchCase, Dispatcher } from "../scenarios/dispatch.ts";
import { peerFolder } from "./peer-folder.ts";

const UNITS = 2;
const CHILD = fileURLToPath(new URL("bare-worker.js", import.meta.url));
const TASKS = fileURLToPath(new URL("pool-worker.js", import.meta.url));

export const DISPATCH_PEERS: readonly DispatchCase[] = [
  { name: "bare fork × 2, one in flight each", tasks: 100_000, peer: true, open: openForks },
  { name: "piscina, 2 threads", tasks: 50_000, peer: true, open: () => openLibrary("piscina", { minThreads: UNITS }) },
  {
    name: "tinypool, 2 processes",
    tasks: 50_000,
    peer: true,
    open: () => openLibrary("tinypool", { runtime: "child_process" }),
  },
];

async function openForks(): Promise<Dispatcher> {
  const children = Array.from({ length: UNITS }, () => fork(CHILD));
  await Promise.all(children.map((child) => once(child, "message")));
  const share = (count: number, n: number): Promise<void> =>
    Promise.all(children.map((child) => oneByOne(child, count / UNITS, n))).then(() => {});
  return {
    noops: (count) => share(count, 0),
    computations: share,
    async [Symbol.asyncDispose]() {
      const exits = children.map((child) => once(child, "exit"));
      for (const child of children) child.disconnect();
      await Promise.all(exits);
    },
  };
}

function oneByOne(child: ChildProcess, count: number, n: number): Promise<void> {
  return new Promise((resolve) => {
    let left = Math.ceil(count);
    const next = (): void => {
      if (left-- > 0) {
        child.send({ n });
        return;
      }
      child.off("message", next);
      resolve();
    };
    child.on("message", next);
    next();
  });
}

interface LibraryPool {
  run(task: { n: number }): Promise<unknown>;
  destroy(): Promise<void>;
}

async function openLibrary(name: "piscina" | "tinypool", options: object): Promise<Dispatcher> {
  const require = createRequire(await peerFolder());
  const module = (await import(pathToFileURL(require.resolve(name)).href)) as Record<string, unknown>;
  const Pool = (module.Piscina ?? module.default) as new (options: object) => LibraryPool;
  const pool = new Pool({
    filename: name === "piscina" ? TASKS : pathToFileURL(TASKS).href,
    minThreads: UNITS,
    maxThreads: UNITS,
    ...options,
  });
  const loop = async (count: number, n: number): Promise<void> => {
    for (let done = 0; done < count; done++) await pool.run({ n });
  };
  const share = (count: number, n: number): Promise<void> =>
    Promise.all(Array.from({ length: UNITS }, () => loop(Math.ceil(count / UNITS), n))).then(() => {});
  return { noops: (count) => share(count, 0), computations: share, [Symbol.asyncDispose]: () => pool.destroy() };
}
