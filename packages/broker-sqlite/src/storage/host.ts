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
  #hint: NodeJS.Immediate | undefined;

  /** Throws what opening the file throws. */
  constructor(settings: StorageSettings, onNews: (news: HostNews) => void) {
    this.#settings = settings;
    this.#onNews = onNews;
    this.#storage = new Storage(settings.path);
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS).unref();
  }

  execute(batch: Batch): BatchReply {
    return this.#storage.execute(batch);
  }

  /** Looks for others' commits only while somebody waits for something. */
  watch(on: boolean): void {
    if (on === (this.#poll !== undefined)) return;
    clearInterval(this.#poll);
    this.#watcher?.close();
    this.#poll = undefined;
    this.#watcher = undefined;
    if (!on) return;
    this.#storage.clock.now();
    this.#poll = setInterval(() => {
      this.#storage.clock.beat();
      this.#look();
    }, this.#settings.pollMs).unref();
    this.#watchFolder();
  }

  close(): void {
    this.watch(false);
    clearInterval(this.#housekeeping);
    clearImmediate(this.#hint);
    this.#storage.close();
  }

  #watchFolder(): void {
    const file = basename(this.#settings.path);
    try {
      this.#watcher = watch(dirname(this.#settings.path), { persistent: false }, (_, name) => {
        // A commit is some three events, and the own ones count too: one look for all that came together.
        if (name === null || name.startsWith(file)) this.#hint ??= setImmediate(() => this.#look());
      });
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      // No more watches to be had, or a file system without them: the poll alone is the promise.
    }
  }

  #look(): void {
    clearImmediate(this.#hint);
    this.#hint = undefined;
    this.#guarded(() => {
      if (this.#storage.changed()) this.#onNews({ news: "changed" });
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
