/** Why an executor did not become ready, as the error that `start()` rejects with. */

import { AppLoadError, type ErrorData, ExecutorStartError, type LovageError } from "../contracts/errors.ts";
import type { AppSource } from "../contracts/pool.ts";
import type { Up } from "./protocol.ts";
import type { UnitExit } from "./runtime.ts";

export function reportedFailure(executor: string, app: AppSource, failed: NonNullable<Up["failed"]>): LovageError {
  const { stage, error } = failed;
  const subject = { executor, file: app.url };
  if (stage === "hook")
    return new ExecutorStartError(`onExecutorStart failed in ${executor}: ${error.name}: ${error.message}`, {
      cause: error,
      subject,
    });
  const own = typeof error.code === "string" && error.name === "AppLoadError";
  const message = own ? error.message : `${app.url} could not be imported: ${error.name}: ${error.message}`;
  return new AppLoadError(message, {
    cause: error.cause ?? error,
    subject,
    ...(own ? { code: String(error.code) } : {}),
  });
}

export function missingTasks(app: AppSource, registered: readonly string[]): LovageError | undefined {
  const there = new Set(registered);
  const missing = app.definition.tasks.names().filter((name) => !there.has(name));
  if (missing.length === 0) return undefined;
  return new AppLoadError(
    `${app.url} registers ${missing.map((name) => `"${name}"`).join(", ")} in the worker but not in its executors; ` +
      "an executor imports the module afresh, so register every task at its top level, whatever the environment",
    { code: "APP_TASK_MISSING", subject: { file: app.url, tasks: missing } },
  );
}

export function lateStart(executor: string, app: AppSource, timeoutMs: number): LovageError {
  return new ExecutorStartError(
    `${executor} was not ready after ${timeoutMs} ms: ${app.url ?? "the app"} is still being imported, or waits at its top level`,
    { subject: { executor, file: app.url, timeoutMs } },
  );
}

export function endedWhileStarting(
  executor: string,
  app: AppSource,
  exit: UnitExit,
  error: ErrorData | undefined,
  lastOutput: readonly string[],
): LovageError {
  const how = exit.signal !== undefined ? `signal ${exit.signal}` : `exit code ${exit.exitCode ?? "unknown"}`;
  const why = error === undefined ? "" : `: ${error.name}: ${error.message}`;
  const said = lastOutput.length === 0 ? "" : `; its last output:\n${lastOutput.join("\n")}`;
  return new ExecutorStartError(
    `${executor} ended while it was starting ${app.url ?? "the app"} (${how})${why}${said}`,
    {
      ...(error === undefined ? {} : { cause: error }),
      subject: { executor, file: app.url, ...exit },
    },
  );
}
