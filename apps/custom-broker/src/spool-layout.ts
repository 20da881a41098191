/**
 * Where everything is. A message is one file; its folder says what state it is in, its name says the rest, and it moves from state to
 * state by one rename, which the file system does wholly or not at all:
 *
 *     spool/
 *       mail.queue/              a folder per queue
 *         settings.json          its lease, and how many dead letters are kept for how long
 *         paused                 is there while the queue is paused
 *         tmp/                   files being written: not yet messages
 *         delayed/  <due>-<n>_<id>_d0-s0-e0.jsonl
 *         ready/    <since>-<n>_<id>_d0-s0-e0.jsonl                   `ls` shows them in the order they will be taken
 *         claimed/  <lease ends>_<since>-<n>_<id>_d1-s0-e0.jsonl      a worker has it until then
 *         dead/     <since>-<n>_<id>_d3-s0-e4f0c21a.jsonl
 *       revoked/<id>             written when that id was revoked
 *
 * `d` counts deliveries, `s` counts starts, and `e` names the edition of its headers (see spool-file.ts). Instants are written so that
 * they sort as text: 2026-11-21T09-30-00.000Z.
 */

export const PLACES = ["ready", "delayed", "claimed", "dead"] as const;
export type Place = (typeof PLACES)[number];

/** What a file's name says of its message. */
export interface Ticket {
  /** When the lease ends; in `claimed/` only. */
  readonly until?: string;
  /** Since when it is ready or dead, or when it is due; the number behind it keeps the order within one instant. */
  readonly at: string;
  readonly id: string;
  readonly deliveries: number;
  readonly starts: number;
  readonly edition: string;
}

/** Headers as they were published. */
export const FIRST_EDITION = "0";

const ID = "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}";
const INSTANT = "\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d\\.\\d{3}Z";
const NAME = new RegExp(`^(?:(${INSTANT})_)?(${INSTANT}-\\d+)_(${ID})_d(\\d+)-s(\\d+)-e([0-9a-f]+)\\.jsonl$`);
const ONLY_ID = new RegExp(`^${ID}$`);

export const isId = (text: string): boolean => ONLY_ID.test(text);

/** `undefined` for a file that is not ours. */
export function parseName(name: string): Ticket | undefined {
  const [, until, at, id, deliveries, starts, edition] = NAME.exec(name) ?? [];
  if (at === undefined || id === undefined || edition === undefined) return undefined;
  const ticket: Ticket = { at, id, deliveries: Number(deliveries), starts: Number(starts), edition };
  return until === undefined ? ticket : { until, ...ticket };
}

export function nameOf({ until, at, id, deliveries, starts, edition }: Ticket): string {
  return `${until === undefined ? "" : `${until}_`}${at}_${id}_d${deliveries}-s${starts}-e${edition}.jsonl`;
}

/** Rounded up, so that nothing is ever early. */
export const instant = (ms: number): string => new Date(Math.ceil(ms)).toISOString().replaceAll(":", "-");
export const toMs = (instant: string): number => Date.parse(instant.slice(0, 24).replace(/T(\d\d)-(\d\d)-/, "T$1:$2:"));

let latest = 0;
let count = 0;

/** A place at the end of the line, behind every place given by this process before, even if the clock was set back. */
export function placeNow(): string {
  latest = Math.max(latest, Date.now());
  return placeAt(latest);
}

export function placeAt(ms: number): string {
  count += 1;
  return `${instant(ms)}-${String(count).padStart(9, "0")}`;
}
