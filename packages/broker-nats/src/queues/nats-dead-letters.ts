import { BrokerUnavailableError, type DeadLetter, redrivenHeaders } from "@lovage/core/contracts";
import { decode } from "../publishing/nats-envelope.ts";
import type { AdminContext } from "./nats-admin.ts";
import type { KnownQueue } from "./nats-queues.ts";
import { type Scanned, type ScanOptions, scan } from "./nats-scan.ts";

interface Letter extends DeadLetter {
  readonly seq: number;
}

const DEFAULT_LIMIT = 100;
const REDRIVEN_AT_ONCE = 100;

/** The dead letters of a queue: a stream with a subject per id, bounded by the server in number and age. */
export class DeadLetters {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async list(
    queue: string,
    {
      limit = DEFAULT_LIMIT,
      after,
      ids,
    }: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] },
  ): Promise<readonly DeadLetter[]> {
    const { layout, streams } = this.#context;
    const stream = layout.deadStream(queue);
    const last =
      after === undefined ? undefined : await streams.message(stream, { last_by_subj: layout.dead(queue, after) });
    const fromSeq = last === undefined ? undefined : last.seq + 1;
    const found: Letter[] = [];
    if (ids !== undefined) {
      const each = ids.map((id) =>
        this.#collect(queue, { filter: layout.dead(queue, id), ...(fromSeq && { fromSeq }) }),
      );
      found.push(...(await Promise.all(each)).flat().sort((a, b) => a.seq - b.seq));
    } else found.push(...(await this.#collect(queue, { limit, ...(fromSeq && { fromSeq }) })));
    return found.slice(0, limit).map(({ seq: _seq, ...letter }) => letter);
  }

  /** Made ready first, then removed: a crash between the two leaves a letter, whose second redrive the server recognises. */
  async redrive(known: KnownQueue, ids: readonly string[] | "all"): Promise<number> {
    const { layout, streams, publisher, revocations } = this.#context;
    const queue = known.name;
    let redriven = 0;
    const move = async ({ id, headers, body, priority, seq }: Letter): Promise<void> => {
      const message = { id, headers: redrivenHeaders(headers), body, priority };
      const verdict = await publisher.store(known, { message }, `${id}:redrive:${seq}`);
      if (verdict.status === "refused" || verdict.status === "unknown") throw verdict.error;
      if (await streams.deleteMessage(layout.deadStream(queue), seq)) redriven += 1;
    };
    for await (const letters of this.#pages(queue, ids)) {
      await revocations.forget(letters.map(({ id }) => id));
      const settled = await Promise.allSettled(letters.map(move));
      const failed = settled.find(({ status }) => status === "rejected");
      if (failed === undefined) continue;
      const { reason } = failed as PromiseRejectedResult;
      throw new BrokerUnavailableError(`${redriven} dead letters were redriven, others could not be; ask again`, {
        cause: reason,
      });
    }
    return redriven;
  }

  async drop(queue: string, ids: readonly string[] | "all"): Promise<number> {
    const { layout, streams } = this.#context;
    const stream = layout.deadStream(queue);
    if (ids === "all") return streams.purge(stream);
    const dropped = await Promise.all(ids.map((id) => streams.purge(stream, layout.dead(queue, id))));
    return dropped.reduce((sum, count) => sum + count, 0);
  }

  async *#pages(queue: string, ids: readonly string[] | "all"): AsyncGenerator<readonly Letter[]> {
    const { layout } = this.#context;
    if (ids !== "all") {
      const each = ids.map((id) => this.#collect(queue, { filter: layout.dead(queue, id) }));
      yield (await Promise.all(each)).flat();
      return;
    }
    let page: Letter[] = [];
    for await (const scanned of this.#scan(queue, {})) {
      page.push(letterOf(queue, scanned));
      if (page.length < REDRIVEN_AT_ONCE) continue;
      yield page;
      page = [];
    }
    yield page;
  }

  async #collect(queue: string, options: ScanOptions): Promise<Letter[]> {
    const letters: Letter[] = [];
    for await (const scanned of this.#scan(queue, options)) letters.push(letterOf(queue, scanned));
    return letters;
  }

  #scan(queue: string, options: ScanOptions): AsyncGenerator<Scanned> {
    const { link, streams, layout } = this.#context;
    return scan(link, streams, layout.deadStream(queue), options);
  }
}

function letterOf(queue: string, { data, headers, subject, seq }: Scanned): Letter {
  const { message, dead = ["failed", null, 0], handedOver } = decode(data, headers, subject);
  const [code, details, deadAt] = dead;
  return {
    ...message,
    queue,
    seq,
    deadAt,
    reason: { code, ...(details !== null && { details }) },
    ...(handedOver !== undefined && { deliveryCount: handedOver }),
  };
}
