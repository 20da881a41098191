/** `onExecutorStart` throws. */
import { type App, createApp } from "@lovage/core";

const app: App = createApp({
  tasks: [],
  onExecutorStart: () => {
    throw new Error("the database said no");
  },
});
export default app;
