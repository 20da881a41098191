/**
 * How many deliveries each queue may hold. What a lane can carry (its slots, its buffer, and room for outcomes that wait for a
 * failing result store) is shared among its queues: a queue that used up its share is hungry and gets more, by weight, from those that did
 * not; those keep one, so that new work is noticed. At no moment does the sum of what queues may hold exceed the total: a share
 * grows only into room that others have really left.
 */

import type { PoolLane, QueueLane } from "./lanes.ts";

export function totalCredit(lane: PoolLane, now: number, extra: number): number {
  const capacity = lane.pool.capacity;
  lane.buffer = lane.gauge.size(capacity, now);
  return capacity === 0 ? 0 : capacity + lane.buffer + extra;
}

/** Shares for the queues of one lane; pure. `turn` rotates who is served when there is less credit than queues. */
export function shareCredit(
  total: number,
  queues: readonly { readonly weight: number; readonly hungry: boolean }[],
  turn: number,
): number[] {
  const count = queues.length;
  const shares = new Array<number>(count).fill(0);
  if (total <= 0 || count === 0) return shares;
  if (total < count) {
    for (let given = 0; given < total; given++) shares[(turn + given) % count] = 1;
    return shares;
  }
  const contenders = queues.some((queue) => queue.hungry)
    ? queues.map((queue) => queue.hungry)
    : queues.map(() => true);
  let left = total;
  for (let index = 0; index < count; index++) {
    shares[index] = 1;
    left--;
  }
  let weights = 0;
  for (let index = 0; index < count; index++)
    if (contenders[index]) weights += (queues[index] as { weight: number }).weight;
  let unassigned = left;
  for (let index = 0; index < count; index++) {
    if (!contenders[index]) continue;
    const part = Math.floor((left * (queues[index] as { weight: number }).weight) / weights);
    shares[index] = (shares[index] as number) + part;
    unassigned -= part;
  }
  for (let step = 0; unassigned > 0; step++) {
    const index = (turn + step) % count;
    if (!contenders[index]) continue;
    shares[index] = (shares[index] as number) + 1;
    unassigned--;
  }
  return shares;
}

/** Brings the credits of one lane to their shares, lowering first. */
export function applyCredit(lane: PoolLane, total: number, turn: number): void {
  const queues = lane.queues;
  const shares = queues.length === 1 ? [total] : shareCredit(total, queues, turn);
  let exposed = 0;
  for (let index = 0; index < queues.length; index++) {
    const queue = queues[index] as QueueLane;
    const share = shares[index] as number;
    if (share < queue.credit) set(queue, share);
    exposed += Math.max(queue.credit, queue.consumption?.unsettled ?? 0);
    queue.hungry = false;
  }
  for (let index = 0; index < queues.length; index++) {
    const queue = queues[index] as QueueLane;
    const share = shares[index] as number;
    if (share <= queue.credit) continue;
    const mine = Math.max(queue.credit, queue.consumption?.unsettled ?? 0);
    const allowed = Math.min(share, mine + Math.max(0, total - exposed));
    if (allowed <= queue.credit) continue;
    exposed += Math.max(allowed, mine) - mine;
    set(queue, allowed);
  }
}

function set(queue: QueueLane, credit: number): void {
  queue.credit = credit;
  queue.consumption?.setCredit(credit);
}
