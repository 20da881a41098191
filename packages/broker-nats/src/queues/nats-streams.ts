/** The JetStream API, as much of it as is used here. */

import type { NatsLink } from "../connection/nats-link.ts";
import { API_CODES, isApiError } from "../nats-errors.ts";

/** Durations are nanoseconds, as on the wire. */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects: readonly string[];
  readonly retention: "limits" | "workqueue";
  readonly storage: "file" | "memory";
  readonly discard: "new" | "old";
  readonly num_replicas: number;
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly max_age: number;
  readonly max_msgs_per_subject: number;
  readonly duplicate_window: number;
  readonly allow_direct: boolean;
  readonly allow_rollup_hdrs?: boolean;
  readonly deny_delete?: boolean;
  readonly deny_purge?: boolean;
  readonly republish?: { readonly src: string; readonly dest: string; readonly headers_only?: boolean };
  readonly placement?: { readonly cluster?: string; readonly tags?: readonly string[] };
  /** 2.11. */
  readonly allow_msg_ttl?: boolean;
  /** 2.12. */
  readonly allow_msg_schedules?: boolean;
}

export interface StreamInfo {
  readonly created: string;
  readonly config: StreamConfig;
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly first_ts: string;
    readonly last_seq: number;
    readonly consumer_count: number;
    readonly subjects?: Readonly<Record<string, number>>;
    /** How many places between the first and the last are empty. */
    readonly num_deleted?: number;
    /** Places between the first and the last message where nothing is any more. Only when asked for. */
    readonly deleted?: readonly number[] | null;
  };
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly { readonly name: string; readonly current: boolean }[];
  };
}

export interface ConsumerConfig {
  readonly name?: string;
  readonly durable_name?: string;
  readonly ack_policy: "explicit" | "none";
  readonly ack_wait?: number;
  readonly deliver_policy: "all" | "by_start_sequence" | "last_per_subject";
  readonly opt_start_seq?: number;
  readonly replay_policy: "instant";
  readonly filter_subject?: string;
  readonly max_deliver?: number;
  readonly max_ack_pending?: number;
  readonly max_waiting?: number;
  readonly inactive_threshold?: number;
  readonly mem_storage?: boolean;
  readonly num_replicas?: number;
}

export interface ConsumerInfo {
  readonly name: string;
  readonly config: ConsumerConfig;
  readonly num_pending: number;
  readonly num_ack_pending: number;
  readonly num_waiting: number;
  readonly delivered: { readonly stream_seq: number };
  readonly ack_floor: { readonly stream_seq: number };
}

export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly time: string;
  /** Header block, base64. */
  readonly hdrs?: string;
  /** Base64. */
  readonly data?: string;
}

export const nanos = (ms: number): number => Math.round(ms * 1_000_000);
export const millis = (ns: number): number => ns / 1_000_000;

const MOST_SUBJECTS = 100_000;

export class Streams {
  readonly #link: NatsLink;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  /** Undefined when there is no such stream. */
  info(stream: string, details?: { readonly deleted_details: true }): Promise<StreamInfo | undefined> {
    return absent(this.#link.api<StreamInfo>(`STREAM.INFO.${stream}`, details), API_CODES.streamNotFound);
  }

  /** Undefined: somebody has made one of this name at the same time, with settings of their own. */
  async create(config: StreamConfig): Promise<StreamInfo | undefined> {
    try {
      return await this.#link.api<StreamInfo>(`STREAM.CREATE.${config.name}`, config);
    } catch (error) {
      // Which of the two a server says of a twin that it is just making depends on how far it has come.
      const raced =
        isApiError(error, API_CODES.streamNameInUse) ||
        (isApiError(error, API_CODES.subjectsOverlap) && (await this.info(config.name)) !== undefined);
      if (!raced) throw error;
      return undefined;
    }
  }

  update(config: StreamConfig): Promise<StreamInfo> {
    return this.#link.api(`STREAM.UPDATE.${config.name}`, config);
  }

  /** False when there is none. */
  async delete(stream: string): Promise<boolean> {
    return (await absent(this.#link.api(`STREAM.DELETE.${stream}`), API_CODES.streamNotFound)) !== undefined;
  }

  /** Resolves with the number removed; with 0 when there is no such stream. */
  async purge(stream: string, filter?: string): Promise<number> {
    const body = filter === undefined ? undefined : { filter };
    const asked = this.#link.api<{ purged: number }>(`STREAM.PURGE.${stream}`, body);
    return (await absent(asked, API_CODES.streamNotFound))?.purged ?? 0;
  }

  /** Names that carry subjects like this, sorted. */
  async names(subject: string): Promise<readonly string[]> {
    const names: string[] = [];
    for (;;) {
      const page = await this.#link.api<{ streams: string[] | null; total: number }>("STREAM.NAMES", {
        subject,
        offset: names.length,
      });
      names.push(...(page.streams ?? []));
      if (names.length >= page.total || !page.streams?.length) return names.sort();
    }
  }

  /** The subjects of a stream that match, with the number of messages of each; page by page, each in no order that is promised. */
  async *subjects(stream: string, filter: string): AsyncGenerator<Readonly<Record<string, number>>> {
    for (let offset = 0; ; offset += MOST_SUBJECTS) {
      const body = { subjects_filter: filter, offset };
      const { state } = await this.#link.api<StreamInfo>(`STREAM.INFO.${stream}`, body);
      const page = state.subjects ?? {};
      yield page;
      if (Object.keys(page).length < MOST_SUBJECTS) return;
    }
  }

  /** From the leader, so what was stored before is seen. Undefined when there is none. */
  async message(
    stream: string,
    query: { readonly seq: number; readonly next_by_subj?: string } | { readonly last_by_subj: string },
    timeoutMs?: number,
  ): Promise<StoredMessage | undefined> {
    const asked = this.#link.api<{ message: StoredMessage }>(`STREAM.MSG.GET.${stream}`, query, timeoutMs);
    return (await absent(asked, API_CODES.messageNotFound))?.message;
  }

  /** False when it is not there any more. */
  async deleteMessage(stream: string, seq: number, timeoutMs?: number): Promise<boolean> {
    try {
      await this.#link.api(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true }, timeoutMs);
      return true;
    } catch (error) {
      if (isApiError(error, API_CODES.messageNotFound) || /not found|no message/i.test(String(error))) return false;
      throw error;
    }
  }

  consumer(stream: string, name: string): Promise<ConsumerInfo | undefined> {
    return absent(this.#link.api<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`), API_CODES.consumerNotFound);
  }

  /** Creates it, or brings it to these settings. */
  createConsumer(stream: string, config: ConsumerConfig): Promise<ConsumerInfo> {
    const body = { stream_name: stream, config };
    const { durable_name: durable, filter_subject: filter } = config;
    if (durable === undefined) return this.#link.api(`CONSUMER.CREATE.${stream}`, body);
    const place = filter === undefined ? durable : `${durable}.${filter}`;
    return this.#link.api(`CONSUMER.CREATE.${stream}.${place}`, body);
  }

  async deleteConsumer(stream: string, name: string): Promise<void> {
    await absent(this.#link.api(`CONSUMER.DELETE.${stream}.${name}`), API_CODES.consumerNotFound);
  }
}

async function absent<T>(asked: Promise<T>, code: number): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isApiError(error, code) || (code !== API_CODES.streamNotFound && isApiError(error, API_CODES.streamNotFound))) {
      return undefined;
    }
    throw error;
  }
}
