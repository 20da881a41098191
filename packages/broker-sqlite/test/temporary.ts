import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker, Consumption, Delivery, OutgoingMessage } from "@lovage/core/contracts";
import { onTestFinished } from "vitest";
import { type SqliteBrokerOptions, sqliteBroker } from "../src/index.ts";

/** A folder of this test's own, gone when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lovage-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function temporaryFile(): string {
  return join(temporaryFolder(), "lovage.db");
}

/** Connected, with the queue `q`; closed when the test ends. */
export async function connected(options: SqliteBrokerOptions, leaseMs = 10_000): Promise<Broker> {
  const broker = sqliteBroker(options);
  onTestFinished(() => broker.close());
  await broker.connect();
  await broker.ensureQueue({ name: "q", leaseMs });
  return broker;
}

export function message(over: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { id: randomUUID(), queue: "q", headers: { task: "t" }, body: "[[]]", priority: 5, ...over };
}

export function messages(count: number, over: Partial<OutgoingMessage> = {}): OutgoingMessage[] {
  return Array.from({ length: count }, () => message(over));
}

/** Deliveries as they come. */
export class Inbox {
  readonly deliveries: Delivery[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  readonly take = (batch: readonly Delivery[]): void => {
    this.deliveries.push(...batch);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.deliveries.length < count) return true;
      resolve();
      return false;
    });
  };

  async has(count: number): Promise<readonly Delivery[]> {
    if (this.deliveries.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    }
    return this.deliveries;
  }
}

export async function consuming(broker: Broker, credit: number): Promise<{ inbox: Inbox; consumption: Consumption }> {
  const inbox = new Inbox();
  return { inbox, consumption: await broker.consume({ queue: "q", credit }, inbox.take) };
}

/** For what has no event: looks again and again, within the test's own time. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
