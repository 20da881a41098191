/** The `ClientPort` of an executor: every call goes through the engine, so a worker has one set of connections whatever its size. */

import type { ClientPort } from "../../contracts/client.ts";
import type { PublishOutcome } from "../../contracts/message.ts";
import type { ResultRecord } from "../../contracts/results.ts";
import type { Reply, Request } from "../protocol.ts";
import { fromWire, outcomesFromWire } from "../wire-error.ts";

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class ClientLink implements ClientPort {
  readonly #send: (request: Request) => void;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor(send: (request: Request) => void) {
    this.#send = send;
  }

  async publish(messages: Parameters<ClientPort["publish"]>[0]): Promise<readonly PublishOutcome[]> {
    return outcomesFromWire((await this.#call("publish", [messages])) as Parameters<typeof outcomesFromWire>[0]);
  }

  /** What JSON has no word for comes as null. */
  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    const records = (await this.#call("read", [ids])) as readonly (ResultRecord | null | undefined)[];
    return records.map((record) => record ?? undefined);
  }

  async waitFinal(id: string, timeoutMs: number): Promise<ResultRecord | undefined> {
    return ((await this.#call("waitFinal", [id, timeoutMs])) as ResultRecord | null | undefined) ?? undefined;
  }

  cancel(...args: Parameters<ClientPort["cancel"]>): ReturnType<ClientPort["cancel"]> {
    return this.#call("cancel", args) as ReturnType<ClientPort["cancel"]>;
  }

  receive(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.call);
      this.#waiting.delete(reply.call);
      if (reply.ok) waiting?.resolve(reply.value);
      else waiting?.reject(fromWire(reply.error));
    }
  }

  #call(method: Request["method"], args: readonly unknown[]): Promise<unknown> {
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#send({ call, method, args });
    });
  }
}
