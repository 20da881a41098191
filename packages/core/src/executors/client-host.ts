/** The engine's end of the executors' `ClientPort`. */

import type { ClientPort } from "../contracts/client.ts";
import type { Reply, Request } from "./protocol.ts";
import { outcomesToWire, toWire } from "./wire-error.ts";

/** Never rejects: a failure is a reply. */
export async function answer(client: ClientPort, request: Request): Promise<Reply> {
  try {
    return { call: request.call, ok: true, value: await perform(client, request) };
  } catch (error) {
    return { call: request.call, ok: false, error: toWire(error) };
  }
}

async function perform(client: ClientPort, { method, args }: Request): Promise<unknown> {
  switch (method) {
    case "publish":
      return outcomesToWire(await client.publish(...(args as Parameters<ClientPort["publish"]>)));
    case "read":
      return await client.read(...(args as Parameters<ClientPort["read"]>));
    case "waitFinal":
      return await client.waitFinal(...(args as Parameters<ClientPort["waitFinal"]>));
    case "cancel":
      return await client.cancel(...(args as Parameters<ClientPort["cancel"]>));
  }
}
