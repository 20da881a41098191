/** The app of the pool benchmarks. */

import { type App, createApp, task } from "@lovage/core";

function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

const app: App = createApp({ tasks: [task("noop", () => {}), task("fib", fib)] });
export default app;
