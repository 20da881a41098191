/** What streams and consumers are asked to be, and whether what a server made of that will do. Pure: no server is asked here. */

import { ConfigurationError, type QueueSettings } from "@lovage/core/contracts";
import type { Features } from "../nats-versions.ts";
import type { Layout } from "./nats-layout.ts";
import { type ConsumerConfig, nanos, type StreamConfig } from "./nats-streams.ts";

/** Settings of a queue as all its workers and producers share them. */
export interface NatsQueueSettings extends QueueSettings {
  /** How many consumers share the priorities. */
  readonly bands: number;
  readonly paused: boolean;
  /** The server itself moves delayed messages of this queue; else the mover does. */
  readonly schedules: boolean;
  /** When the stream of ready messages was made, as the server says; empty while it is gone. */
  readonly made: string;
}

/** What a new stream is made with; an operator may change it later, and it stays. */
export interface StreamChoices {
  readonly replicas: number;
  readonly dedupeWindowMs: number;
  /** The most bytes of ready messages; -1 for no limit but the server's. */
  readonly maxBytes: number;
  readonly placement: StreamConfig["placement"];
}

/** Higher than any fleet needs; the server's own default of 512 is the most pulls that may wait. */
const MAX_WAITING = 8_192;
const FOREVER = -1;

type Common = Omit<StreamConfig, "name" | "subjects" | "retention" | "discard">;

function common(choices: StreamChoices): Common {
  return {
    storage: "file",
    num_replicas: choices.replicas,
    max_msgs: FOREVER,
    max_bytes: FOREVER,
    max_age: 0,
    max_msgs_per_subject: FOREVER,
    duplicate_window: nanos(choices.dedupeWindowMs),
    // Reads go to the leader: a follower may not yet have what was acknowledged.
    allow_direct: false,
    ...(choices.placement && { placement: choices.placement }),
  };
}

export function readyStream(
  layout: Layout,
  queue: string,
  bands: number,
  choices: StreamChoices,
  features: Features,
): StreamConfig {
  const ready = layout.ready(queue, ">");
  return {
    ...common(choices),
    name: layout.readyStream(queue),
    description: `Lovage: queue ${queue}`,
    subjects: features.schedules ? [ready, layout.schedulesAll(queue)] : [ready],
    retention: "workqueue",
    // Servers refuse schedules where what is new is discarded. Without limits nothing ever is.
    discard: features.schedules ? "old" : "new",
    max_bytes: choices.maxBytes,
    ...(bands > 1 && { republish: { src: ready, dest: layout.wake(queue, ">"), headers_only: true } }),
    ...(features.schedules && { allow_msg_schedules: true, allow_rollup_hdrs: true }),
  };
}

export function delayStream(layout: Layout, queue: string, choices: StreamChoices): StreamConfig {
  const subject = layout.delayedAll(queue);
  return {
    ...common(choices),
    name: layout.delayStream(queue),
    description: `Lovage: delayed messages of queue ${queue}`,
    subjects: [subject],
    retention: "limits",
    discard: "new",
    republish: { src: subject, dest: layout.announced(queue), headers_only: true },
  };
}

export function deadStream(
  layout: Layout,
  queue: string,
  settings: QueueSettings,
  choices: StreamChoices,
): StreamConfig {
  return {
    ...common(choices),
    name: layout.deadStream(queue),
    description: `Lovage: dead letters of queue ${queue}`,
    subjects: [layout.dead(queue, ">")],
    retention: "limits",
    discard: "old",
    max_msgs: Math.max(1, settings.maxDead),
    max_age: nanos(Math.max(settings.deadRetentionMs, 100)),
    // The server wants it no longer than the age.
    duplicate_window: nanos(Math.max(100, Math.min(choices.dedupeWindowMs, settings.deadRetentionMs))),
  };
}

export function bandConsumer(layout: Layout, queue: string, band: number, settings: QueueSettings): ConsumerConfig {
  return {
    durable_name: layout.consumer(band),
    ack_policy: "explicit",
    ack_wait: nanos(settings.leaseMs),
    deliver_policy: "all",
    replay_policy: "instant",
    filter_subject: layout.ready(queue, band),
    // Its own limit would leave the message in the stream for ever, delivered to nobody: ours dead-letters it.
    max_deliver: FOREVER,
    // Of all workers together. Credit is the size of what each pulls.
    max_ack_pending: FOREVER,
    max_waiting: MAX_WAITING,
  };
}

/** A bucket as `nats kv` and the clients' KV know it. `ttlMs` 0: for ever. */
export function bucketStream(
  layout: Layout,
  bucket: string,
  ttlMs: number,
  choices: Pick<StreamChoices, "replicas" | "placement">,
): StreamConfig {
  const subject = `$KV.${bucket}.>`;
  return {
    ...common({ ...choices, dedupeWindowMs: ttlMs === 0 ? 120_000 : Math.min(120_000, ttlMs), maxBytes: FOREVER }),
    name: `KV_${bucket}`,
    description: "Lovage",
    subjects: [subject],
    retention: "limits",
    discard: "new",
    max_age: nanos(ttlMs),
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
    deny_delete: false,
    deny_purge: false,
    republish: { src: subject, dest: layout.stored(bucket, ">") },
  };
}

type Settings = Readonly<Record<string, unknown>>;

/** What `returned` has otherwise than `wanted`: old servers accept and leave out what they do not know, without a word. */
export function differences(wanted: object, returned: object, only?: readonly string[]): readonly string[] {
  return Object.keys(wanted).filter((key) => {
    if (only !== undefined && !only.includes(key)) return false;
    return !same((wanted as Settings)[key], (returned as Settings)[key]);
  });
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each) => b.includes(each));
  if (typeof a === "object" && a !== null) return typeof b === "object" && b !== null && differences(a, b).length === 0;
  // The wire leaves out what is false, 0 or empty.
  return a === b || (!a && !b);
}

const LIMITS = ["max_bytes", "max_msgs", "max_age", "max_msgs_per_subject"] as const;

/** Without these a queue would lose, double or hide messages. */
const STREAM_ESSENTIALS = ["retention", "discard", "storage", "max_age", "republish", "duplicate_window"] as const;
const CONSUMER_ESSENTIALS = ["ack_policy", "ack_wait", "max_deliver", "max_ack_pending", "filter_subject"] as const;

/** Throws when the server made something of the stream that cannot work. */
export function checkStream(wanted: StreamConfig, returned: StreamConfig): void {
  const missing = wanted.subjects.filter((subject) => !returned.subjects.includes(subject));
  refuse(
    `stream ${wanted.name}`,
    [...differences(wanted, returned, STREAM_ESSENTIALS), ...(missing.length ? ["subjects"] : [])],
    wanted,
    returned,
  );
}

export function checkConsumer(stream: string, wanted: ConsumerConfig, returned: ConsumerConfig): void {
  refuse(
    `consumer ${wanted.durable_name} of ${stream}`,
    differences(wanted, returned, CONSUMER_ESSENTIALS),
    wanted,
    returned,
  );
}

function refuse(what: string, keys: readonly string[], wanted: object, returned: object): void {
  if (keys.length === 0) return;
  const said = keys.map((key) => {
    const [asked, got] = [wanted, returned].map((config) => JSON.stringify((config as Settings)[key]));
    return `${key} is ${got ?? "absent"} instead of ${asked}`;
  });
  throw new ConfigurationError(
    `the server keeps ${what} otherwise than Lovage needs it: ${said.join("; ")}; remove or change it, or use another namespace`,
    { code: "BROKER_LAYOUT", subject: { what } },
  );
}

/**
 * Whether a queue's stream is to keep schedules. Not where it has a limit, its own or an operator's: a stream that keeps schedules makes room
 * by discarding the oldest, and a queue discards nothing. One that keeps them goes on, also for who connected before the server could; throws
 * if it was given a limit since.
 */
export function mayKeepSchedules(
  features: Features,
  choices: StreamChoices,
  present: StreamConfig | undefined,
): boolean {
  if (present === undefined) return features.schedules && choices.maxBytes === FOREVER;
  const limits = limitsOf(present);
  if (present.allow_msg_schedules !== true) return features.schedules && limits.length === 0;
  if (limits.length === 0) return true;
  throw new ConfigurationError(
    `stream ${present.name} has a limit (${limits.join(", ")}) and keeps schedules, so it would discard its oldest messages to make room for new ones; remove the limit, or limit the account`,
    { code: "BROKER_LAYOUT", subject: { what: `stream ${present.name}` } },
  );
}

export function limitsOf(config: StreamConfig): readonly string[] {
  return LIMITS.filter((limit) => config[limit] > 0);
}

/** What the server returned, not what it was asked for. */
export function keepsSchedules(returned: StreamConfig, schedules: string): boolean {
  return returned.allow_msg_schedules === true && returned.subjects.includes(schedules);
}

/** What is ours to set on a stream that exists already; everything else stays as it is, for an operator may have chosen it. */
export function updated(present: StreamConfig, wanted: StreamConfig): StreamConfig {
  const { subjects, discard, republish, duplicate_window, allow_msg_schedules, allow_rollup_hdrs } = wanted;
  const limits = wanted.retention === "limits" ? { max_age: wanted.max_age, max_msgs: wanted.max_msgs } : {};
  return {
    ...present,
    subjects,
    discard,
    duplicate_window,
    ...limits,
    ...(republish && { republish }),
    ...(allow_msg_schedules && { allow_msg_schedules }),
    ...(allow_rollup_hdrs && { allow_rollup_hdrs }),
  };
}
