/** Where a copy of a message goes: ready, or delayed in the way that its queue's server has. Pure. */

import { bandOf } from "@lovage/core/brokers";
import type { HeaderLines } from "../connection/nats-port.ts";
import type { Layout } from "../queues/nats-layout.ts";
import type { KnownQueue } from "../queues/nats-queues.ts";

export interface Destination {
  readonly subject: string;
  /** Headers that the server acts on. */
  readonly lines: HeaderLines;
  /** Ready for workers as soon as it is stored. */
  readonly ready: boolean;
}

export interface Copy {
  readonly id: string;
  readonly priority: number;
  /** Two copies of one name are one, within the window. */
  readonly copyId: string;
  readonly dueAt?: number | undefined;
}

export function destination(layout: Layout, { name, settings }: KnownQueue, copy: Copy, now: number): Destination {
  const { id, priority, copyId, dueAt } = copy;
  const ready = layout.ready(name, bandOf(priority, settings.bands));
  if (dueAt === undefined || dueAt <= now) return { subject: ready, lines: { "Nats-Msg-Id": copyId }, ready: true };
  if (!settings.schedules) {
    return { subject: layout.delayed(name, dueAt, id), lines: { "Nats-Msg-Id": copyId }, ready: false };
  }
  const at = new Date(Math.ceil(dueAt)).toISOString();
  return {
    subject: layout.schedule(name, dueAt, id),
    lines: { "Nats-Msg-Id": copyId, "Nats-Schedule": `@at ${at}`, "Nats-Schedule-Target": ready },
    ready: false,
  };
}
