/**
 * Where everything is. A message is one file; its folder says what state it is in, its name says the rest, and it moves from state to
 * state by one rename, which the file system does wholly or not at all:
 *
 *     spool/
 *       mail.queue/              a folder per queue
 *         settings.json          its lease, and how many dead letters are kept for how long
 *         paused                 is there while the queue is paused
 *         tmp/                   files being written: not yet messages
 *         waiting/  <due>-<n>_<id>_d0-s0-e0.jsonl                     `ls` shows them in the order they will be taken
 *         claimed/  <lease ends>_<due>-<n>_<id>_d1-s0-e0.jsonl        a worker has it until then
 *         dead/     <since>-<n>_<id>_d3-s0-e4f0c21a.jsonl
 *       revoked/<id>             written when that id was revoked
 *
 * A message that is due later waits further back in the same line. `d` counts deliveries, `s` counts starts, and `e` names the edition of its
 * headers (see spool-file.ts). Instants are written so that they sort as text: 2026-11-21T09-30-00.000Z.
 */

import { join } from "node:path";

export const PLACES = ["waiting", "claimed", "dead"] as const;
export type Place = (typeof PLACES)[number];

/** What the path of a file says of its message. */
export interface Ticket {
  readonly place: Place;
  /** When the lease ends; in `claimed/` only. */
  readonly until: string | undefined;
  /** When it is or was due, or since when it is dead; the number behind it keeps the order within one instant. */
  readonly at: string;
  readonly id: string;
  readonly deliveries: number;
  readonly starts: number;
  /** `0`: headers as they were published. */
  readonly edition: string;
}

const ID = "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}";
const INSTANT = "\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d\\.\\d{3}Z";
const NAME = new RegExp(`^(?:(${INSTANT})_)?(${INSTANT}-\\d+)_(${ID})_d(\\d+)-s(\\d+)-e([0-9a-f]+)\\.jsonl$`);
const ONLY_ID = new RegExp(`^${ID}$`);

export const isId = (text: string): boolean => ONLY_ID.test(text);

/** `undefined` for a file that is not ours. */
export function ticketOf(place: Place, name: string): Ticket | undefined {
  const [, until, at = "", id = "", deliveries, starts, edition = ""] = NAME.exec(name) ?? [];
  if (id === "") return undefined;
  return { place, until, at, id, deliveries: Number(deliveries), starts: Number(starts), edition };
}

export function pathOf({ place, until, at, id, deliveries, starts, edition }: Ticket): string {
  const lease = until === undefined ? "" : `${until}_`;
  return join(place, `${lease}${at}_${id}_d${deliveries}-s${starts}-e${edition}.jsonl`);
}

/** Rounded up, so that nothing is ever early. */
export const instant = (ms: number): string => new Date(Math.ceil(ms)).toISOString().replaceAll(":", "-");
export const toMs = (instant = ""): number => Date.parse(instant.slice(0, 24).replace(/T(\d\d)-(\d\d)-/, "T$1:$2:"));

let latest = 0;
let count = 0;

/** A place in the line: behind what is due until then, and behind every place that this process gave before, even if the clock was set back. */
export function placeInLine(dueAt = 0): string {
  latest = Math.max(latest, Date.now());
  count += 1;
  return `${instant(Math.max(latest, dueAt))}-${String(count).padStart(9, "0")}`;
}
