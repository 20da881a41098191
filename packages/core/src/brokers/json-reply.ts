import { type ControlCommand, type ControlHandler, errorData } from "../contracts/index.ts";
import { replyOf } from "./replies.ts";

/** The reply of {@link replyOf} as JSON. A value that JSON cannot carry is answered as an error, and none as `null`. */
export async function jsonReplyOf(worker: string, command: ControlCommand, handler: ControlHandler): Promise<string> {
  const reply = await replyOf(worker, command, handler);
  try {
    return JSON.stringify(reply.ok ? { ...reply, value: reply.value ?? null } : reply);
  } catch (error) {
    return JSON.stringify({ worker, ok: false, error: errorData(error).message });
  }
}
