import type { Layout } from "./redis-layout.ts";
import { RedisLink } from "./redis-link.ts";
import type { RedisConnection } from "./redis-port.ts";
import type { QueueTurns } from "./redis-turns.ts";
import { WAKE } from "./scripts/queues.ts";

/** The server answers at the latest then, so that a link on which nothing passes any more is noticed. */
const BLOCK_S = 30;
const ANSWER_MARGIN_MS = 3_000;
/** How long the turn of a queue that was woken may take before the other queues are waited for again. */
const TURN_MS = 500;
const UNBLOCK_MS = 2_000;

export interface WakeUpsHost {
  readonly address: string;
  readonly layout: Layout;
  /** For what is asked beside the blocked connection. */
  readonly commands: RedisLink;
  /** A new connection for blocking on `key`, and on others in the same place. */
  open(key: string, signal: AbortSignal): Promise<RedisConnection>;
  /** False in a cluster, where a command has keys of one slot only: then each queue has a connection. */
  readonly oneForAll: boolean;
}

/** Waits for signs that something may be ready: one blocked connection for all queues, or one per queue in a cluster. None while nobody waits. */
export class WakeUps {
  readonly #host: WakeUpsHost;
  readonly #sleepers = new Map<string, Sleeper>();
  #closed = false;

  constructor(host: WakeUpsHost) {
    this.#host = host;
  }

  /** Whether this queue wants to be woken may have changed. */
  changed(turns: QueueTurns): void {
    if (this.#closed) return;
    const place = this.#host.oneForAll ? "" : turns.queue;
    let sleeper = this.#sleepers.get(place);
    if (sleeper === undefined) {
      if (!turns.waits) return;
      sleeper = new Sleeper(this.#host, turns.keys.wake);
      this.#sleepers.set(place, sleeper);
    }
    sleeper.changed(turns);
  }

  /** Nothing came although there was something: looks whether the blocked connection is alive. True when it had to be replaced. */
  async prove(turns: QueueTurns): Promise<boolean> {
    const sleeper = this.#sleepers.get(this.#host.oneForAll ? "" : turns.queue);
    return (await sleeper?.prove()) ?? false;
  }

  close(): void {
    this.#closed = true;
    for (const sleeper of this.#sleepers.values()) sleeper.close();
  }
}

/**
 * awake → (a queue wants to be woken) asleep on the queues that want it → awake; closed from both. Asleep, it is woken to sleep on more queues, not
 * to sleep on fewer: a sign that nobody here can use is passed on.
 */
class Sleeper {
  readonly #host: WakeUpsHost;
  readonly #link: RedisLink;
  readonly #wanted = new Set<QueueTurns>();
  #asleepOn: ReadonlySet<QueueTurns> | undefined;
  #running = false;
  #unblocking: Promise<boolean> | undefined;
  #answered: (() => void)[] = [];

  constructor(host: WakeUpsHost, key: string) {
    this.#host = host;
    this.#link = new RedisLink({ address: host.address, open: (signal) => host.open(key, signal) });
  }

  changed(turns: QueueTurns): void {
    if (!turns.waits) {
      this.#wanted.delete(turns);
      return;
    }
    this.#wanted.add(turns);
    if (!this.#running) void this.#run();
    else if (this.#asleepOn !== undefined && !this.#asleepOn.has(turns)) void this.#unblock();
  }

  async prove(): Promise<boolean> {
    const connection = this.#link.connection;
    if (connection === undefined || this.#asleepOn === undefined) return false;
    if (await this.#unblock()) return false;
    this.#link.fail(new Error("a blocked connection does not answer"), connection);
    return true;
  }

  close(): void {
    this.#link.close();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#wanted.size > 0 && !this.#link.closed) await this.#sleep();
    } catch {
      // Closed.
    }
    this.#running = false;
  }

  async #sleep(): Promise<void> {
    const connection = await this.#link.whenUp();
    const queues = new Set(this.#wanted);
    if (queues.size === 0) return;
    const keys = [...queues].map(({ keys: { wake } }) => wake);
    const late = setTimeout(
      () => this.#link.fail(new Error("a blocked connection does not answer"), connection),
      BLOCK_S * 1_000 + ANSWER_MARGIN_MS,
    );
    this.#asleepOn = queues;
    let woken: unknown;
    try {
      woken = await this.#link.call("bzpopmin", [...keys, BLOCK_S]);
    } catch (error) {
      // Unblocked by a failover, or the connection broke: either way the next one sleeps on. Signs may have been lost, so all are looked at.
      if (this.#link.closed) throw error;
      for (const turns of queues) turns.rouse();
      if (this.#link.connection === connection) await new Promise((resolve) => setTimeout(resolve, 100));
      return;
    } finally {
      clearTimeout(late);
      this.#asleepOn = undefined;
      for (const answered of this.#answered.splice(0)) answered();
    }
    if (!Array.isArray(woken)) return;
    for (const turns of queues) if (turns.keys.wake === woken[0]) await this.#wake(turns);
  }

  /** The turn tells whether the queue wants to be waited for again, so that one more round trip is saved. */
  async #wake(turns: QueueTurns): Promise<void> {
    if (!turns.waits) {
      this.#wanted.delete(turns);
      // Should it fail, whoever could use it looks by itself.
      await this.#host.commands.run(WAKE, [turns.keys.queue, turns.keys.wake], []).catch(() => {});
      return;
    }
    this.#wanted.delete(turns);
    turns.rouse();
    let late: NodeJS.Timeout | undefined;
    await Promise.race([
      turns.settled(),
      new Promise((resolve) => {
        late = setTimeout(resolve, TURN_MS);
      }),
    ]);
    clearTimeout(late);
  }

  /** True when the blocked connection has answered since. */
  #unblock(): Promise<boolean> {
    this.#unblocking ??= this.#askToAnswer().finally(() => {
      this.#unblocking = undefined;
    });
    return this.#unblocking;
  }

  async #askToAnswer(): Promise<boolean> {
    const { connection } = this.#link;
    if (connection?.clientId === undefined) return true;
    let late: NodeJS.Timeout | undefined;
    const answered = new Promise<boolean>((resolve) => {
      this.#answered.push(() => resolve(true));
      late = setTimeout(() => resolve(false), UNBLOCK_MS);
    });
    try {
      await this.#host.commands.call("client", ["unblock", connection.clientId]);
      return await answered;
    } catch {
      // Not allowed, or not connected: the sleep ends by itself.
      return true;
    } finally {
      clearTimeout(late);
    }
  }
}
