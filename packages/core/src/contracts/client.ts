/** The seam between a task's handle and whoever holds the connections: the broker itself in a producer, the engine in an executor. */

import type { RevokeOutcome } from "./broker.ts";
import type { OutgoingMessage, PublishOutcome } from "./message.ts";
import type { ResultRecord } from "./results.ts";

export interface ClientPort {
  /** As `Publisher.publish`; queues are declared first where that is needed. */
  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]>;
  /** Rejects with `NoResultStoreError` where there is none. */
  read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]>;
  /** The final record, or undefined after `timeoutMs`. */
  waitFinal(id: string, timeoutMs: number): Promise<ResultRecord | undefined>;
  /** Revokes waiting ones, and tells workers to abort running ones (`stop`: kill after the abort's grace). `task`, where the caller knows it, names the records of those revoked. */
  cancel(
    ids: readonly string[],
    options: { readonly reason?: string; readonly stop?: boolean; readonly task?: string },
  ): Promise<readonly RevokeOutcome[]>;
}
