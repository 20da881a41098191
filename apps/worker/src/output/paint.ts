import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

/** Colours where the stream is a terminal that wants them (`NO_COLOR`, `FORCE_COLOR` and `TERM` are respected), plain text elsewhere. */
export function paint(format: Format, text: string, stream: NodeJS.WritableStream = process.stdout): string {
  return styleText(format, text, { stream });
}
