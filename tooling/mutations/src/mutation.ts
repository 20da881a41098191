/** A line of one compiled file, changed. */
export interface Edit {
  /** From the `dist` of `@lovage/core`. */
  readonly file: string;
  /** Text that is in the file once. */
  readonly line: string;
  /** What stands there instead. Default: nothing. */
  readonly instead?: string;
}

/** One line that keeps a promise, changed so that it does not. */
export interface Mutation extends Edit {
  /** What the broker does no longer. */
  readonly name: string;
  /** A second guard of the same promise, which would keep it alone. */
  readonly also?: Edit;
  /** The scenario that must notice. */
  readonly caughtBy: string;
}

/** The file's text after the edit. Throws when the line is not there exactly once: then the mutation is to be written anew. */
export function edited(text: string, { file, line, instead = "" }: Edit): string {
  const parts = text.split(line);
  if (parts.length !== 2) throw new Error(`the line is ${parts.length - 1} times in ${file}: ${line}`);
  return parts.join(instead);
}
