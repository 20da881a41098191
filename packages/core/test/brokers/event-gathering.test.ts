import { EventEmitter, once } from "node:events";
import { expect, test } from "vitest";
import { EventGathering } from "../../src/brokers/index.ts";
import type { TaskEvent } from "../../src/contracts/index.ts";

function events(count: number): readonly TaskEvent[] {
  return Array.from({ length: count }, (_, at) => ({
    type: "task-received",
    at,
    worker: "w1",
    id: String(at),
    task: "test",
    queue: "none",
    attempt: 1,
  }));
}

test("what is added together leaves in order, five hundred to a message", async () => {
  const emitted = events(1_200);
  const sent: (readonly TaskEvent[])[] = [];
  await new Promise<void>((resolve) => {
    const gathering = new EventGathering((message) => {
      if (sent.push(message) === 3) resolve();
    });
    gathering.add(emitted.slice(0, 700));
    gathering.add(emitted.slice(700));
    expect(sent, "nothing leaves on the caller's stack").toEqual([]);
  });
  expect(sent.map(({ length }) => length)).toEqual([500, 500, 200]);
  expect(sent.flat()).toEqual(emitted);
});

test("what finds no room is counted, and so is what is lost on its way", async () => {
  let messages = 0;
  let dropped = 0;
  await new Promise<void>((resolve) => {
    const gathering: EventGathering = new EventGathering((_, lost) => {
      messages += 1;
      if (messages === 1) lost();
      if (messages < 20) return;
      dropped = gathering.dropped;
      resolve();
    });
    gathering.add(events(10_001));
    expect(gathering.dropped).toBe(1);
  });
  expect(dropped).toBe(501);
});

test("once what was gathered has left there is room again", async () => {
  const left = new EventEmitter();
  const gathering = new EventGathering((message, lost) => {
    if (message.length < 500) left.emit("all");
    else lost();
  });
  for (const lost of [9_500, 19_000]) {
    const all = once(left, "all");
    gathering.add(events(9_501));
    await all;
    expect(gathering.dropped).toBe(lost);
  }
});

test("what was gathered leaves at once when that is asked, and never once it is closed", () => {
  const sent: number[] = [];
  const gathering = new EventGathering((message) => void sent.push(message.length));
  gathering.add(events(501));
  gathering.flush();
  expect(sent).toEqual([500, 1]);
  gathering.add(events(3));
  gathering.close();
  gathering.flush();
  expect(sent).toEqual([500, 1]);
});
