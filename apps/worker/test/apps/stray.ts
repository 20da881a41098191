/** An app whose own code breaks in the worker's main process, outside every task. */

import { createApp, task } from "@lovage/core";

process.once("SIGHUP", () => {
  throw new Error("a stray error");
});

export default createApp({ tasks: [task("stray.nothing", () => 1)] });
