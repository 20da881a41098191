import { describe, expect, it } from "vitest";
import { AckLine } from "../../src/engine/ack-line.ts";
import { Fifo } from "../../src/engine/fifo.ts";
import type { Held } from "../../src/engine/held.ts";
import type { PoolLane } from "../../src/engine/lanes.ts";

/** The part of a lane that decides. */
function laneWith(buffer: number, waiting: number): PoolLane {
  const lane = { buffer, waiting: new Fifo<Held>() } as PoolLane;
  for (let added = 0; added < waiting; added++) lane.waiting.push({} as Held);
  return lane;
}

const finished = (pool: PoolLane): Held => ({ pool }) as Held;

describe("acks", () => {
  it("leave at once where nothing is buffered", () => {
    const sent: Held[] = [];
    const acks = new AckLine((held) => sent.push(held));
    acks.add(finished(laneWith(0, 0)));
    expect(sent).toHaveLength(1);
  });

  it("wait for one another while most of the buffer waits, and then leave together, in order", () => {
    const sent: Held[] = [];
    const acks = new AckLine((held) => sent.push(held));
    const lane = laneWith(10, 10);
    const all = Array.from({ length: 4 }, () => finished(lane));
    for (const held of all) {
      acks.add(held);
      lane.waiting.shift();
    }
    expect(sent).toEqual(all);
    expect(sent).toHaveLength(4);
  });

  it("are not kept from leaving by a lane that has plenty", async () => {
    const { promise: left, resolve } = Promise.withResolvers<Held>();
    const acks = new AckLine(resolve);
    const held = finished(laneWith(10, 8));
    acks.add(held);
    expect(await left).toBe(held);
  });

  it("of one lane do not wait for another's", () => {
    const sent: Held[] = [];
    const acks = new AckLine((held) => sent.push(held));
    const busy = finished(laneWith(10, 8));
    const idle = finished(laneWith(10, 2));
    acks.add(busy);
    acks.add(idle);
    expect(sent).toEqual([idle]);
  });
});
