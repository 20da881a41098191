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
import * as fs from "node:fs";
import { DEFAULT_PRIORITY, type DeadLetter, type Message, priorityInRange } from "@lovage/core/contracts";

/** `reason`: why it is dead. */
export type Amendment = Pick<DeadLetter, "headers"> & Partial<Pick<DeadLetter, "reason">>;
export type Content = Amendment & Pick<Message, "priority" | "body">;

export function writeMessage(path: string, { headers, priority, body }: Message): void {
  const payload = typeof body === "string" ? { body } : { base64: Buffer.from(body).toString("base64") };
  fs.writeFileSync(path, JSON.stringify({ headers, priority: priorityInRange(priority), ...payload }), { flag: "wx" });
}

/** Adds an edition and returns its name. Never creates the file: `ENOENT` where it is gone. */
export function amend(path: string, amendment: Amendment): string {
  const edition = randomBytes(4).toString("hex");
  const file = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_APPEND);
  try {
    // It begins with the line's end, so that half a line of a process that was killed does it no harm.
    fs.appendFileSync(file, `\n${JSON.stringify({ edition, ...amendment })}`);
  } finally {
    fs.closeSync(file);
  }
  return edition;
}

/** A file that a power cut or a person has damaged is shown as it is, with that reason to be dead. */
export function readMessage(path: string, edition: string): Content {
  const text = fs.readFileSync(path, "utf8");
  const [first = "", ...later] = text.split("\n");
  try {
    const { base64, ...published } = JSON.parse(first);
    const content = base64 === undefined ? published : { ...published, body: Buffer.from(base64, "base64") };
    if (edition === "0") return content;
    const line = later.find((line) => line.startsWith(`{"edition":"${edition}"`)) ?? "";
    const { edition: _, ...amendment } = JSON.parse(line);
    return { ...content, ...amendment };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const reason = { code: "undecodable", details: "the message's file is damaged" };
    return { headers: { task: "" }, priority: DEFAULT_PRIORITY, body: text, reason };
  }
}
