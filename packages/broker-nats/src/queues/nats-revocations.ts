import { DEFAULT_REVOKE_TTL_MS } from "@lovage/core/contracts";
import type { Bucket, Entry } from "./nats-bucket.ts";
import type { StreamChoices } from "./nats-configs.ts";
import { idOfToken, idToken } from "./nats-layout.ts";

/**
 * Ids that must not be delivered any more. The bucket keeps each for a day; whoever consumes has them all in memory, follows what is added,
 * and drops a message of such an id in place of handing it over.
 */
export class Revocations {
  readonly #bucket: Bucket;
  readonly #choices: StreamChoices;
  /** Until when. */
  readonly #revoked = new Map<string, number>();
  #following: Promise<void> | undefined;
  #unfollow: (() => void) | undefined;

  constructor(bucket: Bucket, choices: StreamChoices) {
    this.#bucket = bucket;
    this.#choices = choices;
  }

  has(id: string): boolean {
    return this.#revoked.has(id);
  }

  /** Resolves when all that were revoked before are known here. */
  follow(): Promise<void> {
    this.#following ??= this.#follow().catch((error: unknown) => {
      this.#following = undefined;
      throw error;
    });
    return this.#following;
  }

  /** After a reconnect: what was said meanwhile was not heard. */
  async catchUp(): Promise<void> {
    if (this.#following === undefined) return;
    const entries = await this.#bucket.entries();
    const present = new Set(entries.map(({ key }) => idOfToken(key)));
    for (const id of this.#revoked.keys()) if (!present.has(id)) this.#revoked.delete(id);
    for (const entry of entries) this.#learn(entry);
  }

  async add(ids: readonly string[]): Promise<void> {
    await this.#bucket.ensure(DEFAULT_REVOKE_TTL_MS, this.#choices);
    const until = Date.now() + DEFAULT_REVOKE_TTL_MS;
    await Promise.all(ids.map((id) => this.#bucket.put(idToken(id), `${until}`)));
    for (const id of ids) this.#revoked.set(id, until);
  }

  /** A redriven message is wanted again. */
  async forget(ids: readonly string[]): Promise<void> {
    await this.#bucket.ensure(DEFAULT_REVOKE_TTL_MS, this.#choices);
    await this.follow();
    const known = ids.filter((id) => this.#revoked.has(id));
    await Promise.all(known.map((id) => this.#bucket.delete(idToken(id))));
    for (const id of known) this.#revoked.delete(id);
  }

  end(): void {
    this.#unfollow?.();
  }

  async #follow(): Promise<void> {
    await this.#bucket.ensure(DEFAULT_REVOKE_TTL_MS, this.#choices);
    this.#unfollow ??= this.#bucket.follow(">", (entry) => this.#learn(entry));
    for (const entry of await this.#bucket.entries()) this.#learn(entry);
  }

  #learn({ key, value, deleted }: Entry): void {
    const id = idOfToken(key);
    if (deleted) {
      this.#revoked.delete(id);
      return;
    }
    this.#revoked.set(id, Number(value.toString()) || Date.now() + DEFAULT_REVOKE_TTL_MS);
    const now = Date.now();
    // Oldest first, as they were added.
    for (const [old, until] of this.#revoked) {
      if (until > now) break;
      this.#revoked.delete(old);
    }
  }
}
