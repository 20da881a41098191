import { ConfigurationError } from "@lovage/core/contracts";

/** Where a parser stopped, from the message of V8's SyntaxError; the end of the text when it ran out of it. */
function failedAt(text: string, message: string): number {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return Number(position);
  const token = /Unexpected token '(.+?)'/su.exec(message)?.[1];
  const found = token === undefined ? -1 : text.indexOf(token);
  return found === -1 ? text.length : found;
}

/** The arguments of a task as typed: a JSON array. An error shows the place. */
export function parseJsonArgs(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const message = (cause as SyntaxError).message;
    const at = failedAt(text, message);
    const from = Math.max(0, at - 40);
    const shown = text.slice(from, at + 40).replaceAll(/[\r\n\t]/g, " ");
    throw new ConfigurationError(
      `the arguments are not JSON, at position ${at}: ${message.split(/ in JSON|, "|\.\.\. "/)[0]}\n  ${shown}\n  ${" ".repeat(at - from)}^\n` +
        `write a JSON array in single quotes: '["a.png", 32]'`,
      { cause },
    );
  }
  if (!Array.isArray(value)) {
    throw new ConfigurationError(
      `the arguments are ${value === null ? "null" : typeof value === "object" ? "an object" : `a ${typeof value}`}, not an array; ` +
        `write the task's arguments as a JSON array: '[${text.trim()}]'`,
    );
  }
  return value;
}
