/** Where a copy of a message goes: ready, or delayed in the way that its queue's server has. Pure. */

import { bandOf } from "@lovage/core/brokers";
import type { Layout } from "./nats-layout.ts";
import type { HeaderLines } from "./nats-port.ts";
import type { KnownQueue } from "./nats-queues.ts";

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
  // One schedule per subject: a second copy takes the place of the first, so it needs no id to be recognised by. The server would keep
  // that id for the message that it makes of this one.
  return {
    subject: layout.schedule(name, id),
    lines: { "Nats-Schedule": `@at ${wholeSecond(dueAt)}`, "Nats-Schedule-Target": ready },
    ready: false,
  };
}

/** Never early: the next whole second. */
function wholeSecond(at: number): string {
  return `${new Date(Math.ceil(at / 1_000) * 1_000).toISOString().slice(0, 19)}Z`;
}
