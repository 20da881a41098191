/** What an executor prints, as text, until both streams have ended. */

import type { Readable } from "node:stream";
import type { UnitEvents } from "../runtime.ts";

/** A grandchild may keep a pipe open for as long as it likes; the executor's end is not told later than this. */
const LAST_OUTPUT_MS = 200;

/** Returns what waits, once the executor has ended, for its last output. */
export function followOutput(
  source: { readonly stdout: Readable | null; readonly stderr: Readable | null },
  events: UnitEvents,
): () => Promise<void> {
  const ends = (["stdout", "stderr"] as const).map((name) => {
    const stream = source[name];
    if (stream === null) return undefined;
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => events.onOutput(name, text));
    stream.resume();
    return new Promise<void>((resolve) => {
      stream.once("end", resolve);
      stream.once("close", resolve);
      stream.once("error", () => resolve());
    });
  });
  return async () => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_OUTPUT_MS);
    });
    await Promise.race([Promise.all(ends), late]);
    clearTimeout(timer);
  };
}
