/** What Piscina loads in the thread: `serve` once, then the default export for each run. */

import { type MessagePort, workerData } from "node:worker_threads";
import { type Down, type ExecutorInit, serveExecutor, threadHost, type Up } from "@lovage/core/executors";

export interface RunResult {
  /** Holds the run's outcome. */
  readonly up: Up;
  /** Messages that went beside Piscina before it. */
  readonly beside: number;
}

let deliver: (message: Down) => void = () => {};
let answer: (result: RunResult) => void = () => {};
let beside = 0;

export function serve(port: MessagePort): void {
  const link = {
    post: (up: Up) => {
      if (up.done !== undefined || up.ended !== undefined) {
        answer({ up, beside });
        return;
      }
      beside++;
      port.postMessage(up);
    },
    onMessage: (listener: (message: Down) => void) => {
      deliver = listener;
      port.on("message", listener);
    },
  };
  void serveExecutor(link, workerData as ExecutorInit, threadHost);
}

export default function run(message: Down): Promise<RunResult> {
  return new Promise((resolve) => {
    answer = resolve;
    deliver(message);
  });
}
