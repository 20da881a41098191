import { createApp, task } from "@lovage/core";

function innermost(until: number): void {
  while (performance.now() < until);
}

export default createApp({ tasks: [task("spins", (ms: number) => innermost(performance.now() + ms))] });
