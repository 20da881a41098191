import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  type DeadLetter,
  type DeadLetterReason,
  type Headers,
  type OutgoingMessage,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  type QueueSettings,
  queueSettings,
  redrivenHeaders,
} from "@lovage/core/contracts";
import { unlessMissing, wasThere } from "./spool-errors.ts";
import { amend, type Content, readMessage, writeMessage } from "./spool-file.ts";
import {
  FIRST_EDITION,
  instant,
  nameOf,
  PLACES,
  type Place,
  parseName,
  placeAt,
  placeNow,
  type Ticket,
  toMs,
} from "./spool-layout.ts";
import type { SpoolRevocations } from "./spool-revocations.ts";

const DRAFT_TTL_MS = 3_600_000;

/**
 * The folder of one queue, and the moves of messages in it. Every move is one rename or unlink of a file by its full name: of several
 * processes that try, one succeeds, and the others find no such file. Nothing is remembered between calls, so any number of these
 * objects, in any number of processes, may work on one folder.
 */
export class SpoolQueue {
  readonly name: string;
  readonly folder: string;
  readonly #root: string;
  readonly #revocations: SpoolRevocations;

  constructor(root: string, name: string, revocations: SpoolRevocations) {
    this.name = name;
    this.folder = join(root, `${name}.queue`);
    this.#root = root;
    this.#revocations = revocations;
  }

  // Settings.

  /** Throws `QueueNotFoundError` where the queue was never declared, or is gone. */
  get settings(): QueueSettings {
    const text = unlessMissing(
      () => readFileSync(join(this.folder, "settings.json"), "utf8"),
      () => this.#notFound(),
    );
    return JSON.parse(text) as QueueSettings;
  }

  declare(declaration: QueueDeclaration): void {
    const exists = existsSync(join(this.folder, "settings.json"));
    const settings = queueSettings(declaration, exists ? this.settings : undefined);
    for (const folder of ["tmp", ...PLACES]) mkdirSync(join(this.folder, folder), { recursive: true });
    const draft = join(this.folder, "tmp", `${placeNow()}-${process.pid}.json`);
    writeFileSync(draft, JSON.stringify(settings));
    // Last, because its presence is what makes the folder a queue.
    renameSync(draft, join(this.folder, "settings.json"));
    this.#sweepDrafts();
  }

  get paused(): boolean {
    return existsSync(join(this.folder, "paused"));
  }

  set paused(paused: boolean) {
    if (paused) writeFileSync(join(this.folder, "paused"), "");
    else rmSync(join(this.folder, "paused"), { force: true });
  }

  // The life of a message.

  add(message: OutgoingMessage): void {
    const { id, dueAt } = message;
    const delayed = dueAt !== undefined && dueAt > Date.now();
    const at = delayed ? placeAt(dueAt) : placeNow();
    const ticket: Ticket = { at, id, deliveries: 0, starts: 0, edition: FIRST_EDITION };
    const draft = this.#path("tmp", ticket);
    const store = (): void => {
      try {
        writeMessage(draft, message);
        renameSync(draft, this.#path(delayed ? "delayed" : "ready", ticket));
      } catch (error) {
        rmSync(draft, { force: true });
        throw error;
      }
    };
    unlessMissing(store, () => this.#notFound());
  }

  /** The claim, if we are the first. */
  claim(ticket: Ticket, leaseMs: number): Ticket | undefined {
    const claimed = { ...ticket, until: instant(Date.now() + leaseMs), deliveries: ticket.deliveries + 1 };
    if (!this.#move("ready", ticket, "claimed", claimed)) return undefined;
    // Asked after the claim: whoever revokes writes the marker first and looks for the file second, so one of us sees the other.
    if (!this.#revocations.has(ticket.id)) return claimed;
    this.remove("claimed", claimed);
    return undefined;
  }

  /** A new name for a claim: a later end of the lease, another number of starts. `undefined` where it is no longer ours. */
  change(claim: Ticket, changes: Partial<Ticket>): Ticket | undefined {
    const changed = { ...claim, ...changes };
    return this.#move("claimed", claim, "claimed", changed) ? changed : undefined;
  }

  /** Ready again in its old place. */
  giveBack(claim: Ticket, starts: number = claim.starts): boolean {
    const { until: _, ...ticket } = claim;
    return this.#comeBack(claim, "ready", { ...ticket, starts });
  }

  /** Ready again at the end of the line, or delayed. */
  requeue(claim: Ticket, delayMs: number, headers: Headers | undefined): boolean {
    const edition = headers === undefined ? claim.edition : this.#amend("claimed", claim, headers);
    if (edition === undefined) return false;
    const at = delayMs > 0 ? placeAt(Date.now() + delayMs) : placeNow();
    const { id, deliveries } = claim;
    return this.#comeBack(claim, delayMs > 0 ? "delayed" : "ready", { at, id, deliveries, starts: 0, edition });
  }

  bury(claim: Ticket, headers: Headers, reason: DeadLetterReason): boolean {
    const edition = this.#amend("claimed", claim, headers, reason);
    if (edition === undefined) return false;
    const { id, deliveries, starts } = claim;
    return this.#move("claimed", claim, "dead", { at: placeNow(), id, deliveries, starts, edition });
  }

  redrive(letter: Ticket): boolean {
    const { id } = letter;
    const { headers } = this.read("dead", letter) ?? {};
    if (headers === undefined) return false;
    const edition = this.#amend("dead", letter, redrivenHeaders(headers));
    if (edition === undefined) return false;
    this.#revocations.forget(id);
    return this.#move("dead", letter, "ready", { at: placeNow(), id, deliveries: 0, starts: 0, edition });
  }

  /** For good. False where somebody else moved it first. */
  remove(place: Place, ticket: Ticket): boolean {
    return wasThere(() => unlinkSync(this.#path(place, ticket)));
  }

  /** What is due becomes ready; what nobody renewed becomes ready again. Whoever looks does it for all. */
  catchUp(): void {
    const now = instant(Date.now());
    for (const due of this.list("delayed", now)) this.#move("delayed", due, "ready", due);
    for (const lapsed of this.list("claimed", now)) this.giveBack(lapsed);
  }

  /** No more dead letters than the settings say, and none that is older. */
  trimDead(): void {
    const { maxDead, deadRetentionMs } = this.settings;
    const letters = this.list("dead");
    const oldest = instant(Date.now() - deadRetentionMs);
    const surplus = letters.length - maxDead;
    for (const [index, letter] of letters.entries()) {
      if (index < surplus || letter.at < oldest) this.remove("dead", letter);
    }
  }

  // Looking.

  /** In order; with `before`, only what is earlier. */
  list(place: Place, before?: string): Ticket[] {
    const names = unlessMissing(
      () => readdirSync(join(this.folder, place)),
      () => this.#notFound(),
    );
    const wanted = before === undefined ? names : names.filter((name) => name < before);
    return wanted.sort().flatMap((name) => parseName(name) ?? []);
  }

  /** `undefined` where it is gone. */
  read(place: Place, ticket: Ticket): Content | undefined {
    return unlessMissing(
      () => readMessage(this.#path(place, ticket), ticket.edition),
      () => undefined,
    );
  }

  depth(): QueueDepth {
    this.catchUp();
    this.trimDead();
    return this.#count();
  }

  deadLetters({ limit = 100, after, ids }: { limit?: number; after?: string; ids?: readonly string[] }): DeadLetter[] {
    this.trimDead();
    const tickets = this.list("dead");
    const wanted = tickets
      .slice(tickets.findIndex(({ id }) => id === after) + 1)
      .filter(({ id }) => ids === undefined || ids.includes(id));
    return wanted.slice(0, limit).flatMap((ticket) => {
      const content = this.read("dead", ticket);
      if (content === undefined) return [];
      const { reason = { code: "failed" }, ...rest } = content;
      const { id, at, deliveries } = ticket;
      return { id, queue: this.name, ...rest, reason, deadAt: toMs(at), deliveryCount: deliveries };
    });
  }

  /** The folder leaves under a name that no queue has, so that everybody loses it in one instant. */
  destroy(): QueueDepth {
    const { name } = this;
    const grave = new SpoolQueue(this.#root, `${name} destroyed ${placeNow()} ${process.pid}`, this.#revocations);
    unlessMissing(
      () => renameSync(this.folder, grave.folder),
      () => this.#notFound(),
    );
    const depth = grave.#count();
    rmSync(grave.folder, { recursive: true, force: true });
    return depth;
  }

  #count(): QueueDepth {
    const [ready, delayed, owned, dead] = PLACES.map((place) => this.list(place).length);
    return { ready, delayed, owned, dead, paused: this.paused };
  }

  #comeBack(claim: Ticket, place: Place, ticket: Ticket): boolean {
    return this.#revocations.has(claim.id)
      ? this.remove("claimed", claim)
      : this.#move("claimed", claim, place, ticket);
  }

  #amend(place: Place, ticket: Ticket, headers: Headers, reason?: DeadLetterReason): string | undefined {
    const amendment = reason === undefined ? { headers } : { headers, reason };
    return unlessMissing(
      () => amend(this.#path(place, ticket), amendment),
      () => undefined,
    );
  }

  #move(from: Place, ticket: Ticket, to: Place, next: Ticket): boolean {
    return wasThere(() => renameSync(this.#path(from, ticket), this.#path(to, next)));
  }

  #path(folder: Place | "tmp", ticket: Ticket): string {
    return join(this.folder, folder, nameOf(ticket));
  }

  /** Drafts of processes that were killed while they wrote. */
  #sweepDrafts(): void {
    for (const name of readdirSync(join(this.folder, "tmp"))) {
      const path = join(this.folder, "tmp", name);
      const draft = statSync(path, { throwIfNoEntry: false });
      if (draft !== undefined && draft.mtimeMs + DRAFT_TTL_MS < Date.now()) rmSync(path, { force: true });
    }
  }

  #notFound(): never {
    throw new QueueNotFoundError(this.name);
  }
}
