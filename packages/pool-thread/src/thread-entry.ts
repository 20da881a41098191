/** The one task of each Piscina: to serve as an executor, until the thread ends. */

import { type MessagePort, workerData } from "node:worker_threads";
import { type DownMessage, type ExecutorInit, serveExecutor, threadHost, type UpMessage } from "@lovage/core/executors";

export default async function serve(port: MessagePort): Promise<never> {
  const link = {
    post: (message: UpMessage) => port.postMessage(message),
    onMessage: (listener: (message: DownMessage) => void) => void port.on("message", listener),
  };
  await serveExecutor(link, workerData as ExecutorInit, threadHost);
  return await new Promise<never>(() => {});
}
