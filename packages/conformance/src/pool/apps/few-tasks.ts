/** Registers less than the worker has read. */
import { type App, createApp, task } from "@lovage/core";

const app: App = createApp({ tasks: [task("noop", () => {})] });
export default app;
