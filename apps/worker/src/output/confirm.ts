import { createInterface } from "node:readline/promises";
import { ConfigurationError } from "@lovage/core/contracts";

/**
 * Asks on the terminal before something is destroyed. Without a terminal nobody can answer, so `--yes` is required there.
 * Resolves with false when the answer is anything but yes.
 */
export async function confirm(question: string, yes: boolean | undefined): Promise<boolean> {
  if (yes === true) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new ConfigurationError(`${question} Nobody can answer here: add --yes`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
