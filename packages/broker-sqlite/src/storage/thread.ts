/** The storage thread: takes batches one after another, answers each. Nothing is decided here. */

import { parentPort, workerData } from "node:worker_threads";
import { faultOf } from "../sqlite-errors.ts";
import type { FromThread, ToThread } from "../sqlite-link.ts";
import type { StorageSettings } from "../sqlite-options.ts";
import { StorageHost } from "./host.ts";

const port = parentPort;
if (port === null) throw new Error("this module runs in a worker thread only");
const settings = workerData as StorageSettings;
const say = (message: FromThread): void => port.postMessage(message);

try {
  const host = new StorageHost(settings, (news) => say(news));
  port.on("message", (message: ToThread) => {
    if ("batch" in message) say({ reply: host.execute(message.batch) });
    else if ("watch" in message) host.watch(message.watch);
    else {
      host.close();
      port.close();
    }
  });
  say({ opened: true });
} catch (error) {
  say({ fault: faultOf(error, settings.path) });
  port.close();
}
