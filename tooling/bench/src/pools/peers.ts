/** What the pools are measured against, in the same process and the same minute. */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Piscina } from "piscina";
import Tinypool from "tinypool";
import { drain } from "./drain.ts";

/** Beside the sources: JavaScript that needs no build. */
const PEER = fileURLToPath(
  new URL(import.meta.url.includes("/dist/") ? "../../src/pools/peer.cjs" : "./peer.cjs", import.meta.url),
);

export interface Peer {
  readonly name: string;
  drain(calls: number, n?: number): Promise<number>;
  close(): Promise<void>;
}

/** `threads` threads in one instance, one call at a time in each: how piscina is used by default. */
export function piscina(threads: number): Peer {
  const pool = new Piscina({ filename: PEER, minThreads: threads, maxThreads: threads });
  return {
    name: "piscina",
    drain: (calls, n) => drain(calls, threads, (id) => pool.run({ id, n })),
    close: () => pool.destroy(),
  };
}

export function tinypool(processes: number): Peer {
  const pool = new Tinypool({ filename: PEER, runtime: "child_process", minThreads: processes, maxThreads: processes });
  return {
    name: "tinypool child_process",
    drain: (calls, n) => drain(calls, processes, (id) => pool.run({ id, n })),
    close: () => pool.destroy(),
  };
}

/** A message down, a message back, one in flight in each child: nothing can be faster with `fork` and one task at a time. */
export function bareFork(processes: number): Peer {
  const children = Array.from({ length: processes }, () => {
    const child = fork(PEER, ["--echo"]);
    let answered: (() => void) | undefined;
    child.on("message", () => answered?.());
    const call = (message: object): Promise<void> =>
      new Promise((resolve) => {
        answered = resolve;
        child.send(message);
      });
    return { child, call };
  });
  const idle = [...children];
  return {
    name: "bare fork",
    drain: (calls, n) =>
      drain(calls, processes, async (id) => {
        const unit = idle.pop() as (typeof children)[number];
        await unit.call({ id, n });
        idle.push(unit);
      }),
    close: async () => void (await Promise.all(children.map(({ child }) => ended(child)))),
  };
}

/** Batches of 50 to one thread and back, two batches in flight. */
export function bareThread(): Peer {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     parentPort.on("message", (batch) => parentPort.postMessage(batch.map(({ id }) => ({ id }))));`,
    { eval: true },
  );
  const text = "x".repeat(200);
  const waiting: (() => void)[] = [];
  worker.on("message", () => waiting.shift()?.());
  return {
    name: "bare thread, 50 per message",
    drain: async (calls) =>
      50 *
      (await drain(Math.ceil(calls / 50), 2, (batch) => {
        worker.postMessage(Array.from({ length: 50 }, (_, index) => ({ id: batch * 50 + index, text })));
        return new Promise<void>((resolve) => waiting.push(resolve));
      })),
    close: async () => void (await worker.terminate()),
  };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.disconnect();
  });
}
