import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { faultOf } from "../sqlite-errors.ts";
import type { Batch, BatchReply, Fault } from "../sqlite-operations.ts";
import type { StorageSettings } from "../sqlite-options.ts";
import { Storage } from "./storage.ts";

/** What happens by itself. `changed`: another connection has committed. `replaced`: the file is another one now. */
export type HostNews =
  | { readonly news: "changed" }
  | { readonly news: "replaced" }
  | { readonly news: "unwell"; readonly fault: Fault };

const HOUSEKEEPING_MS = 1_000;
/**
 * The log is written before the commit can be seen: between the two lies an fsync, of which the folder tells nothing. So a hint is followed by
 * looks at every millisecond, for longer than a sync should take. A look costs 2 µs.
 */
const EAGER_LOOK_MS = 1;
const EAGER_FOR_MS = 50;
/**
 * A good disk syncs faster than a timer can tick: a thread that has nothing else to do takes short naps between its first looks (enqueue to
 * start, idle: p50 2.7 → 1.8 ms). Looks without a nap between them hinder the commit that they wait for: 3.6 ms.
 */
const NAP_MS = 0.1;
const NAPS = 12;
const IDLE_AFTER_MS = 5;
const PILLOW = new Int32Array(new SharedArrayBuffer(4));

/**
 * The storage with its timers: notices the commits of others (a watch on the folder as the hint, `data_version` as the truth) and keeps
 * the log short. Lives in the storage thread or on the caller's loop; keeps neither alive by itself.
 */
export class StorageHost {
  readonly #storage: Storage;
  readonly #settings: StorageSettings;
  readonly #onNews: (news: HostNews) => void;
  readonly #housekeeping: NodeJS.Timeout;
  #poll: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;
  #eager: NodeJS.Timeout | undefined;
  #eagerUntil = 0;
  #naps = 0;
  #executedAt = 0;

  /** Throws what opening the file throws. */
  constructor(settings: StorageSettings, onNews: (news: HostNews) => void) {
    this.#settings = settings;
    this.#onNews = onNews;
    this.#storage = new Storage(settings.path);
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS).unref();
  }

  execute(batch: Batch): BatchReply {
    const reply = this.#storage.execute(batch);
    this.#executedAt = performance.now();
    return reply;
  }

  /** Looks for others' commits only while somebody waits for something. */
  watch(on: boolean): void {
    if (on === (this.#poll !== undefined)) return;
    clearInterval(this.#poll);
    this.#stopEager();
    this.#watcher?.close();
    this.#poll = undefined;
    this.#watcher = undefined;
    if (!on) {
      this.#storage.clock.rest();
      return;
    }
    this.#storage.clock.beat();
    this.#poll = setInterval(() => {
      this.#storage.clock.beat();
      this.#look();
    }, this.#settings.pollMs).unref();
    this.#watchFolder();
  }

  close(): void {
    this.watch(false);
    clearInterval(this.#housekeeping);
    this.#storage.close();
  }

  #watchFolder(): void {
    const file = basename(this.#settings.path);
    try {
      this.#watcher = watch(dirname(this.#settings.path), { persistent: false }, (_, name) => {
        if (name === null || name.startsWith(file)) this.#hinted();
      });
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      // No more watches to be had, or a file system without them: the poll alone is the promise.
    }
  }

  /** A commit is some three events, and the own ones count too. */
  #hinted(): void {
    const now = performance.now();
    this.#eagerUntil = now + EAGER_FOR_MS;
    this.#eager ??= setInterval(() => {
      this.#look();
      if (performance.now() > this.#eagerUntil) this.#stopEager();
    }, EAGER_LOOK_MS).unref();
    const busy = this.#naps > 0 || now - this.#executedAt < IDLE_AFTER_MS;
    if (busy || this.#settings.placement !== "thread") return;
    this.#naps = NAPS;
    setImmediate(this.#nap);
  }

  /** Between naps the loop turns: what is asked meanwhile waits for one nap at most. */
  readonly #nap = (): void => {
    if (this.#naps === 0) return;
    this.#naps -= 1;
    Atomics.wait(PILLOW, 0, 0, NAP_MS);
    this.#look();
    setImmediate(this.#nap);
  };

  #stopEager(): void {
    clearInterval(this.#eager);
    this.#eager = undefined;
    this.#naps = 0;
  }

  #look(): void {
    this.#guarded(() => {
      if (!this.#storage.changed()) return;
      this.#stopEager();
      this.#onNews({ news: "changed" });
    });
  }

  #keepHouse(): void {
    this.#guarded(() => {
      if (this.#storage.reopenIfReplaced()) this.#onNews({ news: "replaced" });
      this.#storage.tidyLog();
    });
  }

  #guarded(look: () => void): void {
    try {
      look();
    } catch (error) {
      const fault = faultOf(error, this.#settings.path);
      if (fault.kind !== "busy") this.#onNews({ news: "unwell", fault });
    }
  }
}
