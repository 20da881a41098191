/** `onExecutorStart` and `onExecutorStop`, each with its deadline. */

import { LovageError } from "../../contracts/errors.ts";
import { withDeadline } from "../deadline.ts";

export async function runHook(
  name: "onExecutorStart" | "onExecutorStop",
  hook: (() => unknown) | undefined,
  timeoutMs: number,
): Promise<void> {
  if (hook === undefined) return;
  await withDeadline(
    Promise.resolve().then(hook),
    timeoutMs,
    () => new LovageError("HOOK_TIMEOUT", `${name} did not finish within ${timeoutMs} ms`, { subject: { hook: name } }),
  );
}
