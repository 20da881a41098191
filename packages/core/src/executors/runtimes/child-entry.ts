/** The first module of a child process. */

import type { DownMessage, ExecutorInit, UpMessage } from "../protocol.ts";
import { serveExecutor } from "../serve/serve.ts";
import { packUp, unpackDown } from "./json-wire.ts";

/** Stopping is the worker's decision: what a terminal or a service manager sends to the whole group must not end a running task. */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.on("disconnect", () => process.exit(0));

const init = JSON.parse(process.env.LOVAGE_EXECUTOR as string) as ExecutorInit;
delete process.env.LOVAGE_EXECUTOR;

// What is written into a channel that has just closed is an error of the channel; "disconnect" follows.
process.on("error", () => {});

void serveExecutor(
  {
    post: (message: UpMessage) => {
      if (process.connected) process.send?.(packUp(message));
    },
    onMessage: (listener: (message: DownMessage) => void) => {
      process.on("message", (message) => listener(unpackDown(message as DownMessage)));
    },
  },
  init,
  {
    own: true,
    // After an empty message, so that all before it has left.
    end: (code) => {
      if (process.connected) process.send?.({}, undefined, undefined, () => process.exit(code));
      else process.exit(code);
    },
    memory: () => process.memoryUsage.rss(),
  },
);
