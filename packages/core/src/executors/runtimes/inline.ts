/** An executor on the caller's own loop: for tests, and for a small worker inside an existing server. It isolates nothing. */

import { errorData } from "../../contracts/errors.ts";
import type { DownMessage, UpMessage } from "../protocol.ts";
import type { ExecutorRuntime, SpawnRequest, Unit, UnitEvents } from "../runtime.ts";
import { serveExecutor } from "../serve/serve.ts";

export const inlineRuntime: ExecutorRuntime = {
  sharesMemory: true,
  spawn: (request, events) => new InlineUnit(request, events),
};

class InlineUnit implements Unit {
  readonly pid: number = process.pid;
  #listener: (message: DownMessage) => void = () => {};
  #ended = false;
  readonly #events: UnitEvents;

  constructor({ init, app }: SpawnRequest, events: UnitEvents) {
    this.#events = events;
    const link = {
      post: (message: UpMessage) => {
        if (!this.#ended) events.onMessage(message);
      },
      onMessage: (listener: (message: DownMessage) => void) => {
        this.#listener = listener;
      },
    };
    const host = { own: false, end: () => this.#end(), memory: () => undefined };
    queueMicrotask(() => {
      serveExecutor(link, init, host, app.definition).catch((error) => {
        link.post({ fatal: errorData(error) });
        this.#end();
      });
    });
  }

  post(message: DownMessage): void {
    if (!this.#ended) this.#listener(message);
  }

  /** Forgets it: what it runs goes on, unheard. */
  kill(): void {
    queueMicrotask(() => this.#end());
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.onExit({});
  }
}
