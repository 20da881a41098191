/** What an executor has to say, gathered into one message per tick. */

import type { Outcome, TaskLogEntry, TaskProgressEntry } from "../../contracts/pool.ts";
import { DONE_STRIDE, type DoneField, type ExecutorLink, PIECE, type Request, type Up } from "../protocol.ts";
import { Coalescer } from "../tick.ts";

/** Logs and progress leave at once when none has left for this long, else together this much later. */
const CHATTER_MS = 25;

export class Outbox {
  readonly #link: ExecutorLink;
  readonly #shared: boolean;
  readonly #results: Coalescer;
  #up: Up | undefined;
  #done: DoneField[] | undefined;
  #logs: TaskLogEntry[] = [];
  #progress: Map<string, TaskProgressEntry> = new Map();
  #chatter: NodeJS.Timeout | undefined;
  #chatterAt = 0;

  constructor(link: ExecutorLink, shared: boolean) {
    this.#link = link;
    this.#shared = shared;
    this.#results = new Coalescer(() => this.flush());
  }

  /** An executor that runs one task at a time has nothing to wait for: its outcome leaves at once. */
  ended(run: number, outcome: Outcome): void {
    if (outcome.type === "returned" && outcome.startedAt !== undefined) {
      this.#done ??= [];
      this.#done.push(run, outcome.startedAt, outcome.durationMs ?? 0, outcome.value ?? null);
    } else {
      this.#up ??= {};
      this.#up.ended ??= [];
      this.#up.ended.push({ run, outcome });
    }
    if (this.#shared && (this.#done?.length ?? 0) < PIECE * DONE_STRIDE) this.#results.request();
    else this.flush();
  }

  request(request: Request): void {
    this.#up ??= {};
    this.#up.requests ??= [];
    this.#up.requests.push(request);
    this.#results.request();
  }

  readonly log = (entry: TaskLogEntry): void => {
    this.#logs.push(entry);
    this.#chat();
  };

  readonly progress = (entry: TaskProgressEntry): void => {
    this.#progress.delete(entry.id);
    this.#progress.set(entry.id, entry);
    this.#chat();
  };

  /** Posts what is held, with `more`, in one message. */
  flush(more?: Up): void {
    const done = this.#done;
    const up: Up | undefined = more === undefined ? this.#up : { ...this.#up, ...more };
    this.#done = undefined;
    this.#up = undefined;
    if (up === undefined && this.#logs.length === 0 && this.#progress.size === 0) {
      if (done !== undefined) this.#link.post(done);
      return;
    }
    const whole: Up = done === undefined ? { ...up } : { ...up, done };
    this.#addChatter(whole);
    this.#link.post(whole);
  }

  /** Leaves without the outcomes beside it: a task that logs and then holds the loop is heard, and still counts as silent. */
  #chat(): void {
    if (this.#chatter !== undefined) return;
    const now = performance.now();
    const wait = this.#chatterAt + CHATTER_MS - now;
    if (wait <= 0) this.#postChatter();
    else this.#chatter = setTimeout(() => this.#postChatter(), wait);
  }

  #postChatter(): void {
    const up: Up = {};
    this.#addChatter(up);
    if (up.logs !== undefined || up.progress !== undefined) this.#link.post(up);
  }

  #addChatter(up: Up): void {
    if (this.#chatter !== undefined) {
      clearTimeout(this.#chatter);
      this.#chatter = undefined;
    }
    if (this.#logs.length === 0 && this.#progress.size === 0) return;
    this.#chatterAt = performance.now();
    if (this.#logs.length > 0) {
      up.logs = this.#logs;
      this.#logs = [];
    }
    if (this.#progress.size > 0) {
      up.progress = [...this.#progress.values()];
      this.#progress = new Map();
    }
  }
}
