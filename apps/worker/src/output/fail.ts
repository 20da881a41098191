import { isLovageError } from "@lovage/core/contracts";
import { EXIT, type ExitCode, exitCodeOf } from "../exit-codes.ts";
import { paint } from "./paint.ts";

/** One line that says what to do for an error of Lovage; the stack as well for one that should not happen. */
function describeError(error: unknown): string {
  if (isLovageError(error)) {
    const cause = error.cause;
    const detail = exitCodeOf(error) === EXIT.app && cause instanceof Error && cause.stack !== undefined;
    return detail ? `${error.message}\n${cause.stack}` : error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Prints why the command ends, and gives the code to end with. */
export function reportFailure(error: unknown): ExitCode {
  process.stderr.write(`${paint(["red", "bold"], "lovage:", process.stderr)} ${describeError(error)}\n`);
  return exitCodeOf(error);
}
