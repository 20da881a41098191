/** The first module of a loop thread. */

import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import type { DownMessage, ExecutorInit, UpMessage } from "../protocol.ts";
import { serveExecutor } from "../serve/serve.ts";
import { threadHost } from "../serve/thread-host.ts";

const port = parentPort as MessagePort;

void serveExecutor(
  {
    post: (message: UpMessage) => port.postMessage(message),
    onMessage: (listener: (message: DownMessage) => void) => void port.on("message", listener),
  },
  workerData as ExecutorInit,
  threadHost,
);
