/** What client commands print. Answers go to stdout, everything about them (counts, hints) to stderr, so that output can be piped. */

export function printLine(text = ""): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : undefined));
}

export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}
