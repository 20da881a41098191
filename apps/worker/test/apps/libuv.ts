/** What libuv's thread pool of an executor's process looks like from inside a task. */

import { readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createApp, task } from "@lovage/core";

const threads = async (): Promise<{ size: string; threads: number }> => {
  await stat(".");
  const names = readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim());
  return {
    size: process.env.UV_THREADPOOL_SIZE ?? "unset",
    threads: names.filter((name) => name === "libuv-worker").length,
  };
};

export const inLoop = task("libuv.loop", threads);
export const inChild = task("libuv.child", threads, { queue: "cpu" });

export default createApp({ tasks: [inLoop, inChild] });
