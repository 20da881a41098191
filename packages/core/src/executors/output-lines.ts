/** Text as it arrives becomes lines; the last of them are kept for the report of a crash. */

const KEPT = 20;
/** A longer line is cut, so that a task that prints without newlines cannot fill the worker's memory. */
const MAX_LINE = 16_384;

export class OutputLines {
  readonly #onLine: (stream: "stdout" | "stderr", line: string) => void;
  readonly #last: string[] = [];
  readonly #open = { stdout: "", stderr: "" };

  constructor(onLine: (stream: "stdout" | "stderr", line: string) => void) {
    this.#onLine = onLine;
  }

  /** At most 20, the oldest first, of both streams. */
  get last(): readonly string[] {
    return [...this.#last];
  }

  add(stream: "stdout" | "stderr", text: string): void {
    const lines = (this.#open[stream] + text).split("\n");
    let open = lines.pop() as string;
    for (const line of lines) this.#emit(stream, line);
    if (open.length > MAX_LINE) {
      this.#emit(stream, open);
      open = "";
    }
    this.#open[stream] = open;
  }

  /** The executor has ended: what it printed without a newline is a line too. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#open[stream] !== "") this.#emit(stream, this.#open[stream]);
      this.#open[stream] = "";
    }
  }

  #emit(stream: "stdout" | "stderr", text: string): void {
    const line = text.endsWith("\r") ? text.slice(0, -1) : text;
    const cut = line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
    this.#last.push(cut);
    if (this.#last.length > KEPT) this.#last.shift();
    this.#onLine(stream, cut);
  }
}
