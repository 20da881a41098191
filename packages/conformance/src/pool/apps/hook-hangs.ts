/** `onExecutorStart` never ends. */
import { type App, createApp } from "@lovage/core";

const app: App = createApp({ tasks: [], onExecutorStart: () => new Promise(() => setInterval(() => {}, 1_000)) });
export default app;
