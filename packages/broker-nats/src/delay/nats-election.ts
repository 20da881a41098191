import { randomUUID } from "node:crypto";
import { atMost } from "@lovage/core/brokers";
import type { Bucket, Entry } from "../queues/nats-bucket.ts";

const KEY = "mover";
const BEAT_MS = 1_000;
const SILENCE_MS = 3_000;
const END_MS = 500;
/** Longer than the silence after which another takes over: only what nobody looks after goes by itself. */
export const ELECTION_TTL_MS = 10_000;

/**
 * One of all who stand is elected: whoever has written the key last keeps it by writing it every second; when it is silent for three, another
 * writes in its place, which the server lets only one do. Two may believe it for a moment: what the elected does must bear that.
 *
 * standing → (the key is free or its holder is silent) elected → (somebody else wrote, or the server does not answer) standing; either → ended.
 */
export class Election {
  readonly #bucket: Bucket;
  readonly #me: string = randomUUID();
  readonly #onElected: () => void;
  readonly #onDeposed: () => void;
  #revision = 0;
  #heardAt = performance.now();
  #elected = false;
  #standing = false;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #unfollow: (() => void) | undefined;

  constructor(bucket: Bucket, onElected: () => void, onDeposed: () => void) {
    this.#bucket = bucket;
    this.#onElected = onElected;
    this.#onDeposed = onDeposed;
  }

  stand(): void {
    if (this.#standing) return;
    this.#standing = true;
    this.#unfollow = this.#bucket.follow(KEY, (entry) => this.#heard(entry));
    void this.#look();
  }

  /** Gives the key back, so that the next is elected at once. A write that is under way may yet elect us: then it is given back as well. */
  async end(): Promise<void> {
    if (!this.#standing) return;
    this.#standing = false;
    clearTimeout(this.#timer);
    this.#unfollow?.();
    await atMost(this.#beating, END_MS);
    const was = this.#elected;
    this.#depose();
    if (was) await this.#bucket.delete(KEY).catch(() => {});
  }

  #heard({ value, deleted, revision }: Entry): void {
    this.#heardAt = performance.now();
    if (deleted) {
      this.#revision = 0;
      // All who stand hear it: not all at once.
      this.#in(Math.random() * 50);
      return;
    }
    this.#revision = Math.max(this.#revision, revision);
    if (this.#elected && value.toString() !== this.#me) this.#depose();
  }

  #in(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#standing) return;
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat();
    }, ms).unref();
  }

  async #look(): Promise<void> {
    try {
      const entry = await this.#bucket.get(KEY);
      this.#revision = entry === undefined || entry.deleted ? 0 : entry.revision;
      this.#in(this.#revision === 0 ? 0 : SILENCE_MS);
    } catch {
      // The server is away: looks again, as often as it would have written.
      this.#depose();
      clearTimeout(this.#timer);
      if (this.#standing) this.#timer = setTimeout(() => void this.#look(), BEAT_MS).unref();
    }
  }

  async #beat(): Promise<void> {
    const quietFor = performance.now() - this.#heardAt;
    if (!this.#elected && this.#revision !== 0 && quietFor < SILENCE_MS) {
      this.#in(SILENCE_MS - quietFor + Math.random() * 100);
      return;
    }
    try {
      const revision = await this.#bucket.put(KEY, this.#me, this.#revision);
      if (revision === undefined) {
        this.#depose();
        if (this.#standing) await this.#look();
        return;
      }
      this.#revision = revision;
      if (!this.#elected) {
        this.#elected = true;
        if (this.#standing) this.#onElected();
      }
      this.#in(BEAT_MS);
    } catch {
      await this.#look();
    }
  }

  #depose(): void {
    if (!this.#elected) return;
    this.#elected = false;
    this.#onDeposed();
  }
}
