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

export default createApp({ tasks: [work] });
