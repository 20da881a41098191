import { randomUUID } from "node:crypto";
import type { TaskEvent } from "@lovage/core/contracts";
import type { NatsSubscription } from "../connection/nats-port.ts";
import type { ControlContext } from "./nats-control.ts";

const MOST_WAITING = 10_000;
const PER_MESSAGE = 200;
/** Messages between two looks whether the server keeps up. */
const PER_ROUND = 10;
const ANNOUNCED_EVERY_MS = 1_000;
const FORGOTTEN_MS = 3_500;

/** Events of one connection: those it emits, paced by the server, and those it listens to. */
export class NatsEvents {
  readonly #context: () => ControlContext | undefined;
  /** Who listens, and until when that is believed. */
  readonly #listening = new Map<string, number>();
  readonly #endings = new Map<string, () => void>();
  #heard: NatsSubscription | undefined;
  #waiting: TaskEvent[] = [];
  #sending = false;
  #dropped = 0;

  constructor(context: () => ControlContext | undefined) {
    this.#context = context;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get listened(): boolean {
    this.attend();
    const now = performance.now();
    for (const [listener, until] of this.#listening) if (until < now) this.#listening.delete(listener);
    return this.#listening.size > 0;
  }

  emit(events: readonly TaskEvent[]): void {
    if (!this.listened) return;
    const room = MOST_WAITING - this.#waiting.length;
    this.#waiting.push(...events.slice(0, room));
    this.#dropped += Math.max(0, events.length - room);
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => void this.#send());
  }

  async listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>> {
    const { link, layout } = this.#context() as ControlContext;
    const id = randomUUID();
    const announce = (): void => link.say(layout.control("listening"), `+${id}`);
    const heard = [
      link.hear(layout.control("events"), ({ data }) =>
        listener(JSON.parse(Buffer.from(data).toString()) as TaskEvent[]),
      ),
      link.hear(layout.control("who"), announce),
    ];
    const announcing = setInterval(announce, ANNOUNCED_EVERY_MS).unref();
    const end = (): void => {
      if (!this.#endings.delete(id)) return;
      clearInterval(announcing);
      for (const each of heard) each.unsubscribe();
      link.say(layout.control("listening"), `-${id}`);
    };
    this.#endings.set(id, end);
    announce();
    await link.flush();
    return async () => {
      end();
      await link.flush();
    };
  }

  close(): void {
    for (const end of [...this.#endings.values()]) end();
    this.#heard?.unsubscribe();
    this.#dropped += this.#waiting.length;
    this.#waiting = [];
  }

  /** From the first time that it matters here, which for a worker is its start: follows who listens, and asks. */
  attend(): void {
    const context = this.#context();
    if (this.#heard !== undefined || context === undefined) return;
    const { link, layout } = context;
    this.#heard = link.hear(layout.control("listening"), ({ data }) => {
      const said = Buffer.from(data).toString();
      const listener = said.slice(1);
      if (said.startsWith("+")) this.#listening.set(listener, performance.now() + FORGOTTEN_MS);
      else this.#listening.delete(listener);
    });
    link.say(layout.control("who"));
  }

  async #send(): Promise<void> {
    const context = this.#context();
    while (this.#waiting.length > 0) {
      for (let round = 0; round < PER_ROUND && this.#waiting.length > 0; round += 1) {
        this.#sendSome(this.#waiting.splice(0, PER_MESSAGE), context);
      }
      // Answered when the server has taken what was said: a slow one slows only this.
      await context?.link.flush();
    }
    this.#sending = false;
  }

  #sendSome(events: readonly TaskEvent[], context: ControlContext | undefined): void {
    const text = JSON.stringify(events);
    const most = context?.link.connection.info?.max_payload ?? 0;
    if (context?.link.connected && Buffer.byteLength(text) <= most) {
      context.link.say(context.layout.control("events"), text);
      return;
    }
    const half = Math.floor(events.length / 2);
    if (half === 0 || !context?.link.connected) {
      this.#dropped += events.length;
      return;
    }
    this.#sendSome(events.slice(0, half), context);
    this.#sendSome(events.slice(half), context);
  }
}
