import type { Broker, ControlCommand, ControlReply } from "@lovage/core/contracts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printNote } from "../output/print.ts";
import { controlOf } from "./with-places.ts";

export interface AskOptions {
  readonly timeoutMs: number;
  /** Names of the workers meant; all when empty. */
  readonly to?: readonly string[];
}

/** All replies, sorted by worker: waits until as many have come as workers are known to serve, else until the time is up. */
export async function askWorkers(
  broker: Broker,
  name: string,
  args: Readonly<Record<string, unknown>>,
  { timeoutMs, to = [] }: AskOptions,
): Promise<readonly ControlReply[]> {
  const control = controlOf(broker);
  const command: ControlCommand = { name, args, ...(to.length === 0 ? {} : { to }) };
  const expect = to.length > 0 ? to.length : await control.serving?.();
  if (expect === 0) return [];
  const replies: ControlReply[] = [];
  for await (const reply of control.broadcast(command, { timeoutMs, ...(expect === undefined ? {} : { expect }) })) {
    replies.push(reply);
  }
  return replies.sort((a, b) => a.worker.localeCompare(b.worker));
}

/** Says what is wrong with the replies as a whole, on stderr, and gives the exit code. */
export function judgeReplies(replies: readonly ControlReply[], to: readonly string[] = []): ExitCode {
  for (const reply of replies) if (!reply.ok) printNote(`${reply.worker}: ${reply.error}`);
  const silent = to.filter((worker) => !replies.some((reply) => reply.worker === worker));
  for (const worker of silent) printNote(`${worker} does not answer`);
  if (replies.length === 0) {
    printNote("no worker answers; is one running on this broker?");
    return EXIT.no;
  }
  return silent.length > 0 || replies.some((reply) => !reply.ok) ? EXIT.no : EXIT.ok;
}

/** Values of the workers that could answer. */
export function valuesOf<T>(
  replies: readonly ControlReply[],
): readonly { readonly worker: string; readonly value: T }[] {
  return replies.flatMap((reply) => (reply.ok ? [{ worker: reply.worker, value: reply.value as T }] : []));
}
