/**
 * What can be asked of the storage, as data: the one list that both sides of the thread boundary know. Hot operations carry
 * columns: five hundred rows of nine values cross to a thread and back in 1.8 ms as rows, in 0.6 ms as columns.
 */

import type { Payload } from "@lovage/core/contracts";

/** What is published: one list per column, all of one length. */
export interface PublishColumns {
  readonly queues: string[];
  readonly ids: string[];
  /** 9 − priority. */
  readonly bands: number[];
  /** 0: now. */
  readonly dueAts: number[];
  readonly headers: string[];
  readonly bodies: Payload[];
}

/** What was claimed, in the order of delivery: one list per column. */
export interface ClaimedColumns {
  /** All of one claim have one fence. */
  readonly token: number;
  readonly seqs: number[];
  readonly ids: string[];
  readonly bands: number[];
  readonly deliveries: number[];
  readonly starts: number[];
  readonly headers: string[];
  readonly bodies: Payload[];
}

export const PUBLISHED = 0;
export const DUPLICATE = 1;
export const NO_QUEUE = 2;
export const FULL = 3;

export interface QueueSettings {
  readonly leaseMs: number;
  readonly maxDead: number;
  readonly deadRetentionMs: number;
}

export interface ClaimAnswer {
  /** False: there is no such queue. */
  readonly found: boolean;
  readonly claimed: ClaimedColumns | undefined;
  readonly leaseMs: number;
  /** There is nothing more to claim at this moment. */
  readonly exhausted: boolean;
  /** When the next message falls due or the next lease ends, in ms from now. */
  readonly nextInMs: number | undefined;
}

export interface DepthRow {
  readonly ready: number;
  readonly delayed: number;
  readonly owned: number;
  readonly dead: number;
  readonly paused: boolean;
}

/** id, priority, headers as JSON, body, deliveries, code, details, dead_at. */
export type DeadRow = [
  id: string,
  priority: number,
  headers: string,
  body: Payload,
  deliveries: number,
  code: string,
  details: string | null,
  deadAt: number,
];

/** id, task, state, final, attempt, version, value, error as JSON, progress, worker, started_at, finished_at, ttl_ms. */
export type ResultRow = [
  id: string,
  task: string,
  state: string,
  final: number,
  attempt: number,
  version: number,
  value: Payload | null,
  error: string | null,
  progress: Payload | null,
  worker: string | null,
  startedAt: number | null,
  finishedAt: number | null,
  ttlMs: number,
];

export interface ControlPoll {
  /** Commands after this one; undefined: none are wanted. */
  readonly commandsAfter: number | undefined;
  /** Event batches after this one; undefined: none are wanted. */
  readonly eventsAfter: number | undefined;
  /** Replies to these commands, each after a reply already seen. */
  readonly replies: readonly (readonly [command: number, after: number])[];
}

export interface ControlNews {
  readonly commands: readonly (readonly [seq: number, body: string])[];
  readonly events: readonly (readonly [seq: number, body: string])[];
  readonly replies: readonly (readonly [command: number, seq: number, body: string])[];
  /** How much longer somebody listens to events, in ms; 0 when nobody does. */
  readonly listenedForMs: number;
}

export type Presence = "worker" | "listener";

export interface StorageReport {
  readonly sqlite: string;
  readonly journal: string;
  readonly layout: number;
  readonly bytes: number;
  readonly walBytes: number;
  readonly check: string;
}

/** One step of a removal that may be large: at most some thousands of rows per transaction, so that others get their turn. */
export interface Step {
  readonly count: number;
  readonly more: boolean;
}

/** Settlements answer 1 (done) or 0 (lost) for each row. */
export interface OperationMap {
  publish: { in: PublishColumns & { readonly maxBytes: number | undefined }; out: number[] };
  claim: { in: { readonly queue: string; readonly limit: number }; out: ClaimAnswer };
  /** seq, token, seq, token … */
  renew: { in: readonly number[]; out: number[] };
  markStarted: { in: readonly number[]; out: number[] };
  /** As `renew`, for leases that their holder believes to be over: 0 when they are, and the messages are ready again. */
  lapse: { in: readonly number[]; out: number[] };
  ack: { in: readonly number[]; out: number[] };
  release: { in: readonly (readonly [seq: number, token: number, marks: number])[]; out: number[] };
  requeue: {
    in: readonly (readonly [seq: number, token: number, delayMs: number, headers: string | null])[];
    out: number[];
  };
  deadLetter: {
    in: readonly (readonly [seq: number, token: number, code: string, details: string | null])[];
    out: number[];
  };

  ensureQueue: { in: { readonly name: string } & Partial<QueueSettings>; out: null };
  queues: { in: null; out: string[] };
  hasQueue: { in: string; out: boolean };
  depth: { in: string; out: DepthRow | null };
  oldestReadyAge: { in: string; out: { readonly ageMs: number | null } | null };
  setPaused: { in: { readonly queue: string; readonly paused: boolean }; out: boolean };
  revoke: {
    in: { readonly ids: readonly string[]; readonly ttlMs: number };
    out: ("removed" | "owned" | "absent")[];
  };
  purgeStep: { in: { readonly queue: string; readonly delayed: boolean; readonly upTo: number }; out: Step | null };
  lastSeq: { in: null; out: { readonly message: number; readonly dead: number } };
  deadLetters: {
    in: {
      readonly queue: string;
      readonly limit: number;
      readonly after: string | null;
      readonly ids: readonly string[] | null;
    };
    out: DeadRow[] | null;
  };
  redriveStep: {
    in: { readonly queue: string; readonly ids: readonly string[] | null; readonly upTo: number };
    out: Step | null;
  };
  dropDeadStep: {
    in: { readonly queue: string; readonly ids: readonly string[] | null; readonly upTo: number };
    out: Step | null;
  };
  condemnQueue: { in: string; out: { readonly number: number; readonly depth: DepthRow } | null };
  destroyStep: { in: number; out: Step };

  writeResults: { in: readonly ResultRow[]; out: null };
  readResults: { in: readonly string[]; out: (ResultRow | null)[] };
  forgetResults: { in: readonly string[]; out: null };

  postCommand: { in: { readonly body: string; readonly ttlMs: number }; out: number };
  postReply: { in: { readonly command: number; readonly body: string; readonly ttlMs: number }; out: null };
  finishCommand: { in: number; out: null };
  appear: { in: { readonly kind: Presence; readonly id: string; readonly forMs: number }; out: null };
  disappear: { in: { readonly kind: Presence; readonly id: string }; out: null };
  countPresent: { in: Presence; out: number };
  /** Answers false where there was no room; true as well where nobody listens any more. */
  postEvents: { in: { readonly body: string; readonly ttlMs: number }; out: boolean };
  lastControl: { in: null; out: { readonly command: number; readonly event: number } };
  pollControl: { in: ControlPoll; out: ControlNews };

  /** Removes what has expired; answers whether more is left. */
  sweep: { in: null; out: boolean };
  report: { in: null; out: StorageReport };
}

export type OperationName = keyof OperationMap;

export interface Operation<K extends OperationName = OperationName> {
  readonly op: K;
  readonly input: OperationMap[K]["in"];
}

export interface Traits {
  /** `probe`: reads first, and writes only if there is something to do. */
  readonly access: "read" | "write" | "probe";
  /** Reaches the disk before it is answered. The rest survives the death of every process, and a power cut ends what it was for anyway. */
  readonly durable: boolean;
  /** Whom it may give work or news on the same connection, whose own commits `data_version` does not show. */
  readonly wakes: Topic | undefined;
  /** Leaves before everything else that was asked. */
  readonly express?: true;
}

export type Topic = "queues" | "results" | "control";

const read: Traits = { access: "read", durable: false, wakes: undefined };
const probe: Traits = { access: "probe", durable: false, wakes: undefined };
const passing = (wakes?: Topic): Traits => ({ access: "write", durable: false, wakes });
const kept = (wakes?: Topic): Traits => ({ access: "write", durable: true, wakes });

const control: Traits = { ...passing("control"), express: true };

export const TRAITS: { readonly [K in OperationName]: Traits } = {
  publish: kept("queues"),
  claim: probe,
  renew: passing(),
  markStarted: kept(),
  lapse: passing("queues"),
  ack: kept(),
  release: passing("queues"),
  requeue: kept("queues"),
  deadLetter: kept(),
  ensureQueue: kept("queues"),
  queues: read,
  hasQueue: read,
  depth: read,
  oldestReadyAge: read,
  setPaused: kept("queues"),
  revoke: kept(),
  purgeStep: kept(),
  lastSeq: read,
  deadLetters: read,
  redriveStep: kept("queues"),
  dropDeadStep: kept(),
  condemnQueue: kept("queues"),
  destroyStep: kept(),
  writeResults: kept("results"),
  readResults: read,
  forgetResults: kept(),
  postCommand: control,
  postReply: control,
  finishCommand: passing(),
  appear: control,
  disappear: control,
  countPresent: read,
  postEvents: control,
  lastControl: read,
  pollControl: { ...read, express: true },
  sweep: probe,
  report: read,
};

/** Why a batch, or one operation of it, was not done. Nothing of it is in the file, unless `maybeDone`. */
export interface Fault {
  readonly kind: "busy" | "full" | "storage" | "invalid";
  /** SQLite's extended result code, where there is one. */
  readonly errcode?: number;
  readonly code?: string;
  readonly message: string;
  readonly maybeDone?: boolean;
}

export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: Fault };

export interface Batch {
  readonly operations: readonly Operation[];
  /** Each operation in a transaction of its own, so that one that cannot be done does not keep the others from it. */
  readonly apart: boolean;
}

export type BatchReply =
  | { readonly ok: true; readonly replies: readonly Reply[]; readonly changed: boolean }
  | { readonly ok: false; readonly fault: Fault };
