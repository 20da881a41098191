import { createApp, task } from "@lovage/core";

const waits = task("waits", () => new Promise(() => setInterval(() => {}, 1_000)));
const spins = task("spins", () => {
  for (;;);
});
const environment = task("environment", () => ({
  execArgv: process.execArgv,
  flavour: process.env.FLAVOUR ?? null,
  secret: process.env.LOVAGE_EXECUTOR ?? null,
}));

export default createApp({ tasks: [waits, spins, environment] });
