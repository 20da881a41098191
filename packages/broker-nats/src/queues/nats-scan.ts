import { BrokerUnavailableError } from "@lovage/core/contracts";
import type { NatsLink } from "../connection/nats-link.ts";
import type { NatsHeaders } from "../connection/nats-port.ts";
import { ackFacts } from "../consuming/nats-acks.ts";
import { nanos, type Streams } from "./nats-streams.ts";

export interface Scanned {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
  readonly headers: NatsHeaders | undefined;
}

export interface ScanOptions {
  readonly filter?: string;
  /** Default: the first there is. */
  readonly fromSeq?: number;
  /** Default: all that there are when it begins. */
  readonly limit?: number;
}

const PAGE = 200;
/** They are there, so they come at once; but some may have been removed since they were counted. */
const PAGE_MS = 1_000;
const FORGOTTEN_MS = 30_000;

/** What a stream with limits holds now, oldest first, through a consumer of its own that is gone afterwards. */
export async function* scan(
  link: NatsLink,
  streams: Streams,
  stream: string,
  { filter, fromSeq, limit = Number.POSITIVE_INFINITY }: ScanOptions = {},
): AsyncGenerator<Scanned> {
  const { name, num_pending: there } = await streams.createConsumer(stream, {
    ack_policy: "none",
    replay_policy: "instant",
    mem_storage: true,
    num_replicas: 1,
    max_deliver: 1,
    inactive_threshold: nanos(FORGOTTEN_MS),
    ...(filter !== undefined && { filter_subject: filter }),
    ...(fromSeq === undefined
      ? { deliver_policy: "all" }
      : { deliver_policy: "by_start_sequence", opt_start_seq: fromSeq }),
  });
  try {
    for (let left = Math.min(there, limit); left > 0; ) {
      const page = await pullPage(link, stream, name, Math.min(left, PAGE));
      yield* page;
      left -= page.length;
      // Some were removed meanwhile.
      if (page.length === 0) return;
    }
  } finally {
    await streams.deleteConsumer(stream, name).catch(() => {});
  }
}

function pullPage(link: NatsLink, stream: string, consumer: string, batch: number): Promise<readonly Scanned[]> {
  return new Promise((resolve, reject) => {
    const page: Scanned[] = [];
    const reply = link.inbox();
    const heard = link.hear(reply, ({ subject, data, headers, reply: ack }) => {
      if (ack) page.push({ subject, seq: ackFacts(ack).seq, data, headers });
      if (page.length === batch || (headers?.code ?? 0) >= 400) finish();
    });
    const late = setTimeout(() => {
      heard.unsubscribe();
      reject(new BrokerUnavailableError(`${stream} cannot be read: no answer within ${link.timeoutMs} ms`));
    }, link.timeoutMs);
    const finish = (): void => {
      clearTimeout(late);
      heard.unsubscribe();
      resolve(page);
    };
    link.say(
      `${link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      JSON.stringify({ batch, expires: nanos(PAGE_MS) }),
      undefined,
      reply,
    );
  });
}
