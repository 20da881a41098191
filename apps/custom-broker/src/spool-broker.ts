import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { type BrokerRuntime, createBroker, oneByOne, publishEach, Sender } from "@lovage/core/brokers";
import { type Broker, PublishRefusedError } from "@lovage/core/contracts";
import { SpoolAdmin } from "./spool-admin.ts";
import { SPOOL_CAPABILITIES } from "./spool-capabilities.ts";
import { consume } from "./spool-consumption.ts";
import { spoolError } from "./spool-errors.ts";
import { isId, type Ticket } from "./spool-layout.ts";
import { SpoolQueue } from "./spool-queue.ts";
import { SpoolRevocations } from "./spool-revocations.ts";
import { carryOut } from "./spool-settling.ts";

export interface SpoolOptions {
  /** Where the spool is; made when it is not there. All who use it must see the same disk. */
  readonly folder: string;
}

/**
 * A broker over a folder. Connect it before use.
 *
 * All work on the folder is done within the call: a rename on a local disk takes microseconds, and what is done at once needs no order to
 * be kept. For a disk that is slow, this is the wrong broker.
 */
export function spoolBroker(options: SpoolOptions): Broker {
  const folder = resolve(options.folder);
  const admin = new SpoolAdmin(folder);
  const errorOf: BrokerRuntime["errorOf"] = (error) => spoolError(error, folder);
  return createBroker<Ticket>(({ trouble }) => ({
    name: "spool",
    address: `spool:${folder}`,
    admin,
    errorOf,
    requests: new Sender({
      settle: oneByOne((request) => carryOut(new SpoolQueue(folder, request.delivery.queue), request)),
      onTrouble: trouble,
    }),
    open() {
      mkdirSync(folder, { recursive: true });
      new SpoolRevocations(folder).prepare();
      return SPOOL_CAPABILITIES;
    },
    publish: (messages) =>
      publishEach(messages, {
        limits: SPOOL_CAPABILITIES,
        errorOf,
        store(message) {
          const { id, queue } = message;
          if (!isId(id)) throw new PublishRefusedError("the id of a message is a UUID", { subject: { queue } });
          admin.queue(queue).add(message);
          return "accepted";
        },
      }),
    consume: (terms) => consume(terms, admin.queue(terms.queue), trouble),
    /** Nothing is open between two calls. */
    close() {},
  }));
}
