/**
 * What is in a message's file: a line of JSON for the message as it was published, and one more for each later edition of its headers.
 *
 *     {"headers":{"task":"mail.send"},"priority":5,"body":"[[\"ann@example.org\"]]"}
 *     {"edition":"4f0c21a","headers":{"task":"mail.send","attempt":2}}
 *
 * Only the edition that the file's *name* mentions counts. So a worker first writes the new line and then renames: if the file was taken
 * from it meanwhile, the rename fails, and the line that it wrote means nothing to anybody.
 */

import { randomBytes } from "node:crypto";
import { appendFileSync, closeSync, constants, openSync, readFileSync, writeFileSync } from "node:fs";
import {
  DEFAULT_PRIORITY,
  type DeadLetterReason,
  type Headers,
  type Message,
  type Payload,
  priorityInRange,
} from "@lovage/core/contracts";
import { FIRST_EDITION } from "./spool-layout.ts";

interface FirstLine {
  readonly headers: Headers;
  readonly priority: number;
  readonly body?: string;
  /** In place of `body` where that is not text. */
  readonly base64?: string;
}

interface Amendment {
  readonly headers: Headers;
  /** Why it is dead. */
  readonly reason?: DeadLetterReason;
}

export interface Content extends Amendment {
  readonly priority: number;
  readonly body: Payload;
}

export function writeMessage(path: string, { headers, priority, body }: Message): void {
  const payload = typeof body === "string" ? { body } : { base64: Buffer.from(body).toString("base64") };
  const line: FirstLine = { headers, priority: priorityInRange(priority), ...payload };
  writeFileSync(path, JSON.stringify(line), { flag: "wx" });
}

/** Adds an edition and returns its name. Never creates the file: `ENOENT` where it is gone. */
export function amend(path: string, amendment: Amendment): string {
  const edition = randomBytes(4).toString("hex");
  const file = openSync(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    // It begins with the line's end, so that half a line of a process that was killed does it no harm.
    appendFileSync(file, `\n${JSON.stringify({ edition, ...amendment })}`);
  } finally {
    closeSync(file);
  }
  return edition;
}

/** A file that a power cut or a person has damaged is shown as it is, with that reason to be dead. */
export function readMessage(path: string, edition: string): Content {
  const text = readFileSync(path, "utf8");
  const [first = "", ...later] = text.split("\n");
  try {
    const { base64, body = "", ...rest } = JSON.parse(first) as FirstLine;
    const content = { ...rest, body: base64 === undefined ? body : Buffer.from(base64, "base64") };
    if (edition === FIRST_EDITION) return content;
    const line = later.find((line) => line.startsWith(`{"edition":"${edition}"`)) ?? "";
    const { headers, reason } = JSON.parse(line) as Amendment;
    return { ...content, headers, ...(reason === undefined ? {} : { reason }) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const reason = { code: "undecodable", details: "the message's file is damaged" };
    return { headers: { task: "" }, priority: DEFAULT_PRIORITY, body: text, reason };
  }
}
