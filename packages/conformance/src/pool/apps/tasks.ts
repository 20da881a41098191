/** Tasks that behave in every way that a pool must bear. Executors import this module; the scenarios only name its tasks. */

import { spawnSync } from "node:child_process";
import { threadId } from "node:worker_threads";
import { type App, createApp, currentTask, type LovageError, task } from "@lovage/core";

const hold: unknown[] = [];
let armed = false;
let starts = 0;

// Made outside of any run: what it throws is nobody's.
setInterval(() => {
  if (armed) {
    armed = false;
    throw new Error("nobody's");
  }
}, 10).unref();

const signalOf = (): AbortSignal => (currentTask() as NonNullable<ReturnType<typeof currentTask>>).signal;
const begun = (): void => currentTask()?.log.info("begun");
const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(signal.reason));
    // A loop without work of its own: only the signal can end this.
    setInterval(() => {}, 1_000);
  });

const echo = task("echo", (value?: unknown) => value, { aliases: ["formerly.echo"] });
const noop = task("noop", () => {});
const fails = task("fails", (message: string) => {
  throw Object.assign(new RangeError(message, { cause: new Error("the cause") }), { code: "E_FAILED" });
});
const failsOddly = task("fails.oddly", () => {
  throw undefined;
});
const context = task("context", () => {
  const { id, task, queue, attempt, deliveries, deadline, headers } = currentTask() as NonNullable<
    ReturnType<typeof currentTask>
  >;
  return { id, task, queue, attempt, deliveries, deadline, headers: { ...headers } };
});
const where = task("where", () => ({ pid: process.pid, threadId, starts }));
const speaks = task("speaks", async (count: number) => {
  const now = currentTask();
  for (let said = 0; said < count; said++) {
    now?.log.info(`line ${said}`, { said });
    now?.progress({ said });
    if (said % 10 === 0) await null;
  }
});
const prints = task("prints", (lines: number) => {
  for (let line = 0; line < lines; line++) console.log(`out ${line}`);
  console.error("err");
});
const enqueues = task("enqueues", async (count: number) => {
  const runs = await Promise.all(Array.from({ length: count }, (_, index) => echo.enqueue(index)));
  return runs.map((run) => run.id);
});
const refusedCode = task("refused", async () => {
  try {
    await echo.with({ queue: "refused" }).enqueue(1);
    return undefined;
  } catch (error) {
    return (error as LovageError).code;
  }
});

/** Ends by throwing the signal's reason. */
const obeys = task("obeys", async () => {
  const ended = aborted(signalOf());
  begun();
  throw await ended;
});
/** Ends by returning although it was told to stop: what scenarios use as a gate. */
const gate = task("gate", async () => {
  const ended = aborted(signalOf());
  begun();
  return ((await ended) as LovageError).code;
});
/** The same, and says where it was. */
const gateWhere = task("gate.where", async () => {
  const ended = aborted(signalOf());
  begun();
  await ended;
  return { pid: process.pid, threadId };
});
const waits = task("waits", () => {
  begun();
  return new Promise(() => setInterval(() => {}, 1_000));
});
const spins = task("spins", (ms: number) => {
  begun();
  const until = performance.now() + ms;
  while (performance.now() < until);
});
/** Blocks outside of JavaScript: nothing in this process can interrupt it. The program that it waits for writes its id to `marker` first. */
const sleepsNatively = task("sleeps.natively", (seconds: number, marker: string) => {
  spawnSync("sh", ["-c", 'echo $$ > "$1"; exec sleep "$2"', "sh", marker, String(seconds)]);
});
const exits = task("exits", (code: number) => {
  begun();
  console.log("last words");
  process.exit(code);
});
const killsItself = task("kills.itself", () => {
  begun();
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
});
const exhaustsHeap = task("exhausts.heap", () => {
  begun();
  for (;;) hold.push(new Array(10_000).fill({}).map((_, index) => ({ index })));
});
const keeps = task("keeps", (megabytes: number) => {
  hold.push(new Array(megabytes * 131_072).fill(1.5));
});
const throwsLater = task("throws.later", () => {
  setTimeout(() => {
    throw new RangeError("thrown later");
  }, 5);
  return new Promise(() => {});
});
const rejectsLater = task("rejects.later", () => {
  setTimeout(() => void Promise.reject(new RangeError("rejected later")), 5);
  return new Promise(() => {});
});
const leavesAnError = task("leaves.an.error", () => {
  setTimeout(() => {
    throw new Error("too late");
  }, 20);
});
const nobodysError = task("nobodys.error", () => {
  armed = true;
  return new Promise(() => {});
});

const app: App = createApp({
  tasks: [
    echo,
    noop,
    fails,
    failsOddly,
    context,
    where,
    speaks,
    prints,
    enqueues,
    refusedCode,
    obeys,
    gate,
    gateWhere,
    waits,
    spins,
    sleepsNatively,
    exits,
    killsItself,
    exhaustsHeap,
    keeps,
    throwsLater,
    rejectsLater,
    leavesAnError,
    nobodysError,
  ],
  onExecutorStart: () => {
    starts++;
    console.log("executor started");
  },
  onExecutorStop: () => {
    console.log("executor stopped");
  },
});

export default app;
