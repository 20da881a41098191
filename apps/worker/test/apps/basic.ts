/** An app with a task for everything that the tests need to see from outside. */

import { setTimeout as wait } from "node:timers/promises";
import { createApp, currentTask, task } from "@lovage/core";

export const add = task("math.add", (a: number, b: number) => a + b);

/** Ends early when it is told to. */
export const nap = task("time.nap", async (ms: number) => {
  const { signal } = currentTask();
  console.log(`napping for ${ms}`);
  await wait(ms, undefined, { signal });
  return "rested";
});

/** Does not listen: only giving back ends the wait for it. */
export const snore = task("time.snore", async (ms: number) => {
  await wait(ms);
  return "snored";
});

export const spin = task("cpu.spin", (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return "spun";
});

export const fail = task("math.fail", (message: string) => {
  throw new Error(message);
});

export const flaky = task(
  "math.flaky",
  () => {
    if (currentTask().attempt === 1) throw new Error("not yet");
    return "at last";
  },
  { retry: { attempts: 2, delay: "10ms", jitter: "none" } },
);

export const talk = task("log.talk", (word: string) => {
  currentTask().log.info(`says ${word}`, { word });
  currentTask().progress({ half: true });
  return word;
});

export const square = task("math.square", (n: number) => n * n, { queue: "cpu" });

export default createApp({ tasks: [add, nap, snore, spin, fail, flaky, talk, square] });
