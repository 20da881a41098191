import * as fs from "node:fs";
import { join } from "node:path";
import {
  type DeadLetter,
  type OutgoingMessage,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  type QueueSettings,
  queueSettings,
  redrivenHeaders,
} from "@lovage/core/contracts";
import { ifThere } from "./spool-errors.ts";
import { type Amendment, amend, type Content, readMessage, writeMessage } from "./spool-file.ts";
import { instant, PLACES, type Place, pathOf, placeInLine, type Ticket, ticketOf, toMs } from "./spool-layout.ts";

/**
 * The folder of one queue, and the moves of messages in it. Every move is one rename or unlink of a file by its full name: of several
 * processes that try, one succeeds, and the others find no such file. Nothing is remembered between calls, so any number of these
 * objects, in any number of processes, may work on one folder.
 */
export class SpoolQueue {
  readonly name: string;
  readonly folder: string;

  constructor(root: string, name: string) {
    this.name = name;
    this.folder = join(root, `${name}.queue`);
  }

  // The queue.

  /** Throws `QueueNotFoundError` where the queue was never declared, or is gone. */
  get settings(): QueueSettings {
    return JSON.parse(this.#found(ifThere(() => fs.readFileSync(this.#at("settings.json"), "utf8"))));
  }

  declare(declaration: QueueDeclaration): void {
    const settings = queueSettings(declaration, fs.existsSync(this.#at("settings.json")) ? this.settings : undefined);
    for (const folder of ["tmp", ...PLACES]) fs.mkdirSync(this.#at(folder), { recursive: true });
    // Last, because its presence is what makes the folder a queue.
    this.#write("settings.json", (draft) => fs.writeFileSync(draft, JSON.stringify(settings)));
  }

  get paused(): boolean {
    return fs.existsSync(this.#at("paused"));
  }

  pause(): void {
    fs.writeFileSync(this.#at("paused"), "");
  }

  resume(): void {
    fs.rmSync(this.#at("paused"), { force: true });
  }

  depth(): QueueDepth {
    this.reap();
    this.#trimDead();
    const ready = this.ready().length;
    const [waiting = 0, owned, dead] = PLACES.map((place) => this.list(place).length);
    return { ready, delayed: waiting - ready, owned, dead, paused: this.paused };
  }

  /** The folder leaves under a name that no queue has, so that everybody loses it in one instant. */
  destroy(): QueueDepth {
    const depth = this.depth();
    const grave = `${this.folder} destroyed ${placeInLine()} ${process.pid}`;
    fs.renameSync(this.folder, grave);
    fs.rmSync(grave, { recursive: true, force: true });
    return depth;
  }

  // The life of a message.

  add(message: OutgoingMessage): void {
    const { id, dueAt } = message;
    const at = placeInLine(dueAt);
    const ticket: Ticket = { place: "waiting", until: undefined, at, id, deliveries: 0, starts: 0, edition: "0" };
    if (!fs.existsSync(this.#marker(id))) this.#write(pathOf(ticket), (draft) => writeMessage(draft, message));
  }

  /** The claim, if we are the first. */
  claim(ticket: Ticket, leaseMs: number): Ticket | undefined {
    const until = instant(Date.now() + leaseMs);
    const claim = this.move(ticket, { place: "claimed", until, deliveries: ticket.deliveries + 1 });
    // Asked after the claim: whoever revokes writes the marker first and looks for the file second, so one of us sees the other.
    if (claim === undefined || !fs.existsSync(this.#marker(claim.id))) return claim;
    this.remove(claim);
    return undefined;
  }

  /** Back in the line, in its old place or another; gone, if it was revoked meanwhile. False where it is no longer ours. */
  comeBack(claim: Ticket, changes: Partial<Ticket>): boolean {
    if (fs.existsSync(this.#marker(claim.id))) return this.remove(claim);
    return this.move(claim, { place: "waiting", until: undefined, ...changes }) !== undefined;
  }

  /** Among the dead, with room made for it first: what fails before the move may be tried again. */
  bury(claim: Ticket, amendment: Amendment): boolean {
    const edition = this.amend(claim, amendment);
    if (edition === undefined) return false;
    this.#trimDead(1);
    return this.move(claim, { place: "dead", until: undefined, at: placeInLine(), edition }) !== undefined;
  }

  /** What it is called now; `undefined` where somebody else moved it first. */
  move(ticket: Ticket, changes: Partial<Ticket>): Ticket | undefined {
    const moved = { ...ticket, ...changes };
    return ifThere(() => fs.renameSync(this.#at(pathOf(ticket)), this.#at(pathOf(moved))) ?? moved);
  }

  /** For good. False where somebody else moved it first. */
  remove(ticket: Ticket): boolean {
    return ifThere(() => fs.unlinkSync(this.#at(pathOf(ticket))) ?? true) ?? false;
  }

  /** The name of the new edition, for the move that makes it count. */
  amend(ticket: Ticket, amendment: Amendment): string | undefined {
    return ifThere(() => amend(this.#at(pathOf(ticket)), amendment));
  }

  /** What nobody renewed is ready again. Whoever looks does it for all. */
  reap(): void {
    for (const lapsed of this.list("claimed", instant(Date.now()))) this.comeBack(lapsed, {});
  }

  // Looking.

  /** In order; with `before`, only what is earlier. */
  list(place: Place, before = "~"): Ticket[] {
    const names = this.#found(ifThere(() => fs.readdirSync(this.#at(place))));
    const wanted = names.filter((name) => name < before).sort();
    return wanted.flatMap((name) => ticketOf(place, name) ?? []);
  }

  ready(): Ticket[] {
    return this.list("waiting", `${instant(Date.now())}~`);
  }

  has(ticket: Ticket): boolean {
    return fs.existsSync(this.#at(pathOf(ticket)));
  }

  /** `undefined` where it is gone. */
  read(ticket: Ticket): Content | undefined {
    return ifThere(() => readMessage(this.#at(pathOf(ticket)), ticket.edition));
  }

  // The dead.

  dead(ids: readonly string[] | "all" = "all"): Ticket[] {
    this.#trimDead();
    return this.list("dead").filter(({ id }) => ids === "all" || ids.includes(id));
  }

  /** `undefined` where it is gone. */
  letter(ticket: Ticket): DeadLetter | undefined {
    const content = this.read(ticket);
    const { id, at, deliveries } = ticket;
    const letter = { id, queue: this.name, reason: { code: "failed" }, deadAt: toMs(at), deliveryCount: deliveries };
    return content && { ...letter, ...content };
  }

  redrive(letter: Ticket): boolean {
    const { headers } = this.read(letter) ?? {};
    const edition = headers && this.amend(letter, { headers: redrivenHeaders(headers) });
    if (edition === undefined) return false;
    fs.rmSync(this.#marker(letter.id), { force: true });
    const anew = { at: placeInLine(), deliveries: 0, starts: 0, edition };
    return this.move(letter, { place: "waiting", ...anew }) !== undefined;
  }

  /** No more than the settings say, less `room`, and none that is older. */
  #trimDead(room = 0): void {
    const { maxDead, deadRetentionMs } = this.settings;
    const letters = this.list("dead");
    const oldest = instant(Date.now() - deadRetentionMs);
    const gone = letters.filter(({ at }, index) => at < oldest || index < letters.length + room - maxDead);
    for (const letter of gone) this.remove(letter);
  }

  /** Whole or not at all. */
  #write(path: string, write: (draft: string) => void): void {
    const draft = this.#at("tmp", `${placeInLine()}-${process.pid}`);
    try {
      this.#found(ifThere(() => write(draft) ?? fs.renameSync(draft, this.#at(path)) ?? true));
    } finally {
      fs.rmSync(draft, { force: true });
    }
  }

  #marker(id: string): string {
    return this.#at("../revoked", id);
  }

  #at(...path: string[]): string {
    return join(this.folder, ...path);
  }

  #found<T>(there: T | undefined): T {
    if (there === undefined) throw new QueueNotFoundError(this.name);
    return there;
  }
}
