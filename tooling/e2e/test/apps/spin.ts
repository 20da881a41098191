/** Tasks that hold whatever runs them. */

import { pbkdf2 } from "node:crypto";
import { createApp, task } from "@lovage/core";

function spin(ms: number): number {
  const until = performance.now() + ms;
  let turns = 0;
  while (performance.now() < until) turns++;
  return turns;
}

const spinEvent = task("spin.event", spin, { queue: "on-event" });
const spinSolo = task("spin.solo", spin, { queue: "on-solo" });
const spinThread = task("spin.thread", spin, { queue: "on-thread" });
const spinProcess = task("spin.process", spin, { queue: "on-process" });

/** Sixteen long native calls fill the thread pool that file system and DNS calls of the whole process share. */
const fillThreadPool = task(
  "fill.threadpool",
  async (iterations: number) => {
    await Promise.all(
      Array.from({ length: 16 }, () => new Promise((resolve) => pbkdf2("p", "s", iterations, 64, "sha512", resolve))),
    );
  },
  { queue: "on-fill" },
);

export default createApp({ tasks: [spinEvent, spinSolo, spinThread, spinProcess, fillThreadPool] });
