/**
 * `pnpm mutations`: takes each promise out of a copy of the memory broker and runs the whole kit up to the first scenario that notices.
 * Prints a table of both; ends with 1 when a mutation survives.
 */

import { MUTATIONS } from "./mutations.ts";
import { Workbench } from "./workbench.ts";

await using workbench = await Workbench.open();
const sound = await workbench.firstBroken(undefined);
if (sound !== undefined) throw new Error(`without any mutation ${sound} is broken`);

console.log("| the memory broker no longer | found first by | and by |\n| --- | --- | --- |");
for (const mutation of MUTATIONS) {
  const first = await workbench.firstBroken(mutation);
  const named = first === mutation.caughtBy ? "" : await workbench.firstBroken(mutation, mutation.caughtBy);
  console.log(
    `| ${mutation.name} | ${first === undefined ? "**nothing**" : `\`${first}\``} | ${named ? `\`${named}\`` : ""} |`,
  );
  if (first === undefined || named === undefined) process.exitCode = 1;
}
