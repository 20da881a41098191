/** The command: parses, runs one command, ends with its exit code. */

import { CommanderError } from "commander";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { reportFailure } from "./output/fail.ts";
import { createProgram } from "./program.ts";

/** An app or adapter may leave handles open, so the process does not wait for its loop to empty; what was printed is written first. */
function end(code: ExitCode): void {
  process.exitCode = code;
  process.stdout.write("", () => process.exit(code));
}

/** Runs a command line (without `node` and the script). Ends the process. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough (`lovage events | head`) is not a failure; a worker without a reader of its log works on.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (argv[0] !== "worker") process.exit(EXIT.ok);
  });
  const program = createProgram(async (code) => end(await code));
  program.exitOverride();
  for (const command of program.commands) {
    command.exitOverride();
    for (const child of command.commands) child.exitOverride();
  }
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    // Commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) end(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
    else end(reportFailure(error));
  }
}
