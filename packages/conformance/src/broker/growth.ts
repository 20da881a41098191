import assert from "node:assert/strict";
import { resources } from "../resources.ts";
import type { BrokerContext } from "./context.ts";

interface Reading {
  readonly running: ReadonlyMap<string, number>;
  readonly connections: number;
}

/**
 * Watches what must not accumulate from one fault to the next: sockets, threads and timers of this process, connections at the server
 * where the harness can count them, and listeners, of which Node warns.
 */
export class Growth {
  readonly #c: BrokerContext;
  readonly #warnings: string[] = [];
  readonly #begun: Promise<Reading>;
  #before: Reading | undefined;

  constructor(c: BrokerContext) {
    this.#c = c;
    this.#begun = this.#read();
    const hear = ({ name, message }: Error): void => {
      if (name === "MaxListenersExceededWarning") this.#warnings.push(message);
    };
    process.on("warning", hear);
    c.cleanup(() => void process.off("warning", hear));
  }

  /** From here. What was there at the beginning may be there again: some of it takes longer to come back than the work that goes on. */
  async mark(): Promise<void> {
    this.#before = most(await this.#begun, await this.#read());
  }

  /** Fails when, once all has settled, there is more than at the mark. `faults`: how many there were since. */
  async none(faults: number): Promise<void> {
    const before = this.#before ?? (await this.#begun);
    let more: readonly string[] = [];
    const settled = async (): Promise<boolean> => {
      more = grown(before, await this.#read(), faults);
      return more.length === 0;
    };
    await this.#c.until("nothing more than before", settled).catch(() => assert.fail(`it grows: ${more.join(", ")}`));
    assert.deepEqual(this.#warnings, []);
  }

  async #read(): Promise<Reading> {
    return { running: resources(), connections: (await this.#c.harness.connections?.()) ?? 0 };
  }
}

function most(a: Reading, b: Reading): Reading {
  const running = new Map(a.running);
  for (const [kind, count] of b.running) running.set(kind, Math.max(count, a.running.get(kind) ?? 0));
  return { running, connections: Math.max(a.connections, b.connections) };
}

function grown(before: Reading, now: Reading, faults: number): readonly string[] {
  const kinds = [...now.running].flatMap(([kind, count]) => {
    // Timers come and go by themselves; one that each fault leaves behind adds up.
    const most = (before.running.get(kind) ?? 0) + (kind === "Timeout" ? Math.floor(faults / 2) : 0);
    return count > most ? [`${count - (before.running.get(kind) ?? 0)} ${kind}`] : [];
  });
  const connections = now.connections - before.connections;
  return connections > 0 ? [...kinds, `${connections} connections`] : kinds;
}
