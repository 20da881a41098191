/**
 * Where a thread of this process is, although its loop is held: asked of Node's inspector, from within. Attached for the moment of
 * asking only (10 to 60 ms), and never beside a debugger that somebody else has opened.
 */

import type { Worker } from "node:worker_threads";

/** Waiting for the turn included. A thread inside a native call does not answer before the call returns; the report must not wait for that. */
const PATIENCE_MS = 500;

interface Answer {
  readonly method?: string;
  readonly params?: {
    readonly scriptId?: string;
    readonly url?: string;
    readonly callFrames?: readonly {
      readonly functionName: string;
      readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number };
    }[];
  };
}

/**
 * The inspector allocates in the thread that it asks, and an allocation that fails there ends the whole process: of nine threads that
 * were filling a heap of 48 MiB for longer than the stall bound, three took it down. So only heaps with this much room are asked.
 */
const ROOM_BYTES = 512 * 1024 * 1024;

let asking: Promise<unknown> = Promise.resolve();

/** One thread after the other. Undefined where nothing answers in time, or where the thread's heap has little room left. */
export function threadStack(worker: Worker): Promise<string | undefined> {
  const until = performance.now() + PATIENCE_MS;
  const asked = asking.then(async () => {
    if (!process.features.inspector || !(await within(until, hasRoom(worker)))) return undefined;
    return await ask(worker.threadId, until);
  });
  asking = asked;
  return asked;
}

async function hasRoom(worker: Worker): Promise<boolean> {
  try {
    const { heap_size_limit, used_heap_size } = await worker.getHeapStatistics();
    return heap_size_limit - used_heap_size >= ROOM_BYTES;
  } catch {
    // It has ended.
    return false;
  }
}

async function within(until: number, answer: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), until - performance.now());
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(threadId: number, until: number): Promise<string | undefined> {
  const { Session, url } = await import("node:inspector");
  const patienceMs = until - performance.now();
  if (url() !== undefined || patienceMs <= 0) return undefined;
  return await new Promise((resolve) => {
    const session = new Session();
    session.connect();
    const urls = new Map<string, string>();
    const finish = (stack: string | undefined): void => {
      clearTimeout(timer);
      session.post("NodeWorker.disable", () => session.disconnect());
      resolve(stack);
    };
    const timer = setTimeout(() => finish(undefined), patienceMs);
    session.on("NodeWorker.attachedToWorker", ({ params: { sessionId, workerInfo } }) => {
      // `workerId` is the inspector's own count, in no order; the thread's id is in the title: "[worker 3] name".
      if (/\bworker (\d+)\b/i.exec(workerInfo.title)?.[1] !== String(threadId)) return;
      let calls = 0;
      const tell = (method: string): void =>
        session.post("NodeWorker.sendMessageToWorker", {
          sessionId,
          message: JSON.stringify({ id: ++calls, method }),
        });
      session.on("NodeWorker.receivedMessageFromWorker", ({ params: received }) => {
        if (received.sessionId !== sessionId) return;
        const { method, params = {} } = JSON.parse(received.message) as Answer;
        if (method === "Debugger.scriptParsed") urls.set(params.scriptId as string, params.url as string);
        if (method !== "Debugger.paused") return;
        tell("Debugger.resume");
        tell("Debugger.disable");
        finish(shown(params.callFrames ?? [], urls));
      });
      tell("Debugger.enable");
      tell("Debugger.pause");
    });
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  });
}

/** In the form of an error's stack, without Node's own frames. */
function shown(frames: NonNullable<NonNullable<Answer["params"]>["callFrames"]>, urls: Map<string, string>): string {
  return frames
    .map(({ functionName, location }) => {
      const at = `${urls.get(location.scriptId) ?? "?"}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`;
      return `    at ${functionName === "" ? at : `${functionName} (${at})`}`;
    })
    .filter((line) => !line.includes("node:"))
    .join("\n");
}
