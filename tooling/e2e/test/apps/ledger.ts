/** Tasks that leave a line per run in a ledger: `id attempt deliveries`, written when the work is done. */

import { appendFileSync } from "node:fs";
import { createApp, currentTask, task } from "@lovage/core";

const ledger = process.env.LEDGER ?? "";

export const work = task("ledger.work", async (index: number) => {
  const { id } = currentTask();
  appendFileSync(ledger, `start ${id} ${index} ${process.pid} ${Date.now()}\n`);
  await new Promise((resolve) => setTimeout(resolve, 2 + (index % 7)));
  appendFileSync(ledger, `end ${id} ${index} ${process.pid} ${Date.now()}\n`);
  return index;
});

/** As {@link work}, for as long as it is told. */
export const hold = task("ledger.hold", async (ms: number) => {
  const { id } = currentTask();
  appendFileSync(ledger, `start ${id} ${ms} ${process.pid} ${Date.now()}\n`);
  await new Promise((resolve) => setTimeout(resolve, ms));
  appendFileSync(ledger, `end ${id} ${ms} ${process.pid} ${Date.now()}\n`);
});

export default createApp({ tasks: [work, hold] });
