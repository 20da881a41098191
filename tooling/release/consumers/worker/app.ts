import { isMainThread } from "node:worker_threads";
import { createApp, task } from "@lovage/core";

export const greet = task("people.greet", async (name: string) => ({ greeting: `hello, ${name}`, isMainThread }));

export default createApp({ tasks: [greet] });
