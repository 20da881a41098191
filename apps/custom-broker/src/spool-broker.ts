import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { createBroker, oneByOne, publishEach, Sender } from "@lovage/core/brokers";
import { type Broker, type LovageError, PublishRefusedError } from "@lovage/core/contracts";
import { declaredQueue, spoolAdmin } from "./spool-admin.ts";
import { SPOOL_CAPABILITIES } from "./spool-capabilities.ts";
import { consume } from "./spool-consumption.ts";
import { spoolError } from "./spool-errors.ts";
import { isId, type Ticket } from "./spool-layout.ts";
import { SpoolQueue } from "./spool-queue.ts";
import { carryOut } from "./spool-settling.ts";

/**
 * A broker over a folder, which is made when it is not there; all who use it must see the same disk. Connect it before use.
 *
 * All work on the folder is done within the call: a rename on a local disk takes microseconds, and what is done at once needs no order to
 * be kept. For a disk that is slow, this is the wrong broker.
 */
export function spoolBroker(options: { readonly folder: string }): Broker {
  const root = resolve(options.folder);
  const errorOf = (error: unknown): LovageError => spoolError(error, root);
  return createBroker<Ticket>(({ trouble }) => ({
    name: "spool",
    address: `spool:${root}`,
    open() {
      mkdirSync(join(root, "revoked"), { recursive: true });
      return SPOOL_CAPABILITIES;
    },
    admin: spoolAdmin(root),
    publish: (messages) =>
      publishEach(messages, {
        limits: SPOOL_CAPABILITIES,
        errorOf,
        store(message) {
          const { id, queue } = message;
          if (!isId(id)) throw new PublishRefusedError("the id of a message is a UUID", { subject: { queue } });
          new SpoolQueue(root, queue).add(message);
          return "accepted";
        },
      }),
    consume: (terms) => consume(terms, declaredQueue(root, terms.queue), trouble),
    requests: new Sender({
      settle: oneByOne((request) => carryOut(new SpoolQueue(root, request.delivery.queue), request)),
      onTrouble: trouble,
    }),
    errorOf,
    /** Nothing is open between two calls. */
    close() {},
  }));
}
