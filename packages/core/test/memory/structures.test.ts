import { describe, expect, test } from "vitest";
import { Entry } from "../../src/memory/entry.ts";
import { Heap, type Heaped } from "../../src/memory/heap.ts";
import { ReadyMessages } from "../../src/memory/ready-messages.ts";

/** Numbers that are the same in every run (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("a heap", () => {
  test.each([1, 2, 3, 4, 5])("gives what a sorted list would, with removals from the middle (seed %i)", (seed) => {
    const next = random(seed);
    const heap = new Heap<Heaped & { key: number }>((a, b) => a.key < b.key);
    const model: (Heaped & { key: number })[] = [];
    for (let step = 0; step < 2_000; step += 1) {
      const dice = next();
      if (dice < 0.5) {
        const item = { key: Math.floor(next() * 1_000) + step / 10_000, heapIndex: -1 };
        heap.push(item);
        model.push(item);
      } else if (dice < 0.75 && model.length > 0) {
        const [item] = model.splice(Math.floor(next() * model.length), 1);
        heap.remove(item as Heaped & { key: number });
        expect(item?.heapIndex).toBe(-1);
      } else {
        const least = model.reduce<(Heaped & { key: number }) | undefined>(
          (a, b) => (a && a.key < b.key ? a : b),
          undefined,
        );
        expect(heap.shift()).toBe(least);
        if (least !== undefined) model.splice(model.indexOf(least), 1);
      }
      expect(heap.size).toBe(model.length);
    }
  });
});

describe("ready messages", () => {
  test.each([1, 2, 3, 4, 5])(
    "come by priority and then by position, whatever was taken, given back or removed (seed %i)",
    (seed) => {
      const next = random(seed);
      const ready = new ReadyMessages();
      const waiting = new Set<Entry>();
      const taken: Entry[] = [];
      let position = 0;
      for (let step = 0; step < 3_000; step += 1) {
        const dice = next();
        if (dice < 0.4) {
          const entry = new Entry({
            id: String(step),
            headers: { task: "t" },
            body: "",
            priority: Math.floor(next() * 10),
          });
          entry.position = ++position;
          ready.append(entry);
          waiting.add(entry);
        } else if (dice < 0.55 && taken.length > 0) {
          const [entry] = taken.splice(Math.floor(next() * taken.length), 1) as [Entry];
          ready.giveBack(entry);
          waiting.add(entry);
        } else if (dice < 0.65 && waiting.size > 0) {
          const entry = [...waiting][Math.floor(next() * waiting.size)] as Entry;
          ready.remove(entry);
          waiting.delete(entry);
        } else {
          const first = [...waiting].sort(
            (a, b) => b.message.priority - a.message.priority || a.position - b.position,
          )[0];
          expect(ready.shift()).toBe(first);
          if (first === undefined) continue;
          waiting.delete(first);
          taken.push(first);
        }
        expect(ready.size).toBe(waiting.size);
      }
      expect(new Set(ready)).toEqual(waiting);
    },
  );
});
