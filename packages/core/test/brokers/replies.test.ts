import { expect, test } from "vitest";
import { jsonReplyOf, Replies } from "../../src/brokers/index.ts";
import type { ControlReply } from "../../src/contracts/index.ts";

const from = (worker: string): ControlReply => ({ worker, ok: true, value: null });

async function workersIn(replies: Replies): Promise<readonly string[]> {
  const workers: string[] = [];
  for await (const { worker } of replies) workers.push(worker);
  return workers;
}

test("replies end with the last that is expected, and what came before the end is still yielded", async () => {
  const replies = new Replies({ expect: 2 });
  const ends: string[] = [];
  replies.onEnd = () => void ends.push("ended");
  for (const worker of ["a", "b", "c"]) replies.add(from(worker));
  expect(ends).toEqual(["ended"]);
  expect(await workersIn(replies)).toEqual(["a", "b"]);
});

test("replies that come while somebody waits are yielded as they come, until the end", async () => {
  const replies = new Replies();
  const workers = workersIn(replies);
  replies.add(from("a"));
  await Promise.resolve();
  replies.add(from("b"));
  replies.end();
  replies.add(from("late"));
  expect(await workers).toEqual(["a", "b"]);
});

test("who stops reading ends them, and who expects none has none", async () => {
  const ends: string[] = [];
  const left = new Replies({ expect: 2 });
  left.onEnd = () => void ends.push("left");
  left.add(from("a"));
  for await (const _ of left) break;
  const none = new Replies({ expect: 0 });
  none.onEnd = () => void ends.push("none");
  expect(await workersIn(none)).toEqual([]);
  expect(ends).toEqual(["left", "none"]);
});

test("replies end by themselves when they are late", async () => {
  const replies = new Replies({ timeoutMs: 20 });
  const ended = new Promise<void>((resolve) => {
    replies.onEnd = resolve;
  });
  replies.add(from("a"));
  await ended;
  replies.add(from("late"));
  expect(await workersIn(replies)).toEqual(["a"]);
});

test("a command is answered in JSON whatever the handler does", async () => {
  const ask = async (handler: () => unknown): Promise<unknown> =>
    JSON.parse(await jsonReplyOf("w1", { name: "ping" }, handler));
  expect(await ask(() => ({ n: 1 }))).toEqual({ worker: "w1", ok: true, value: { n: 1 } });
  expect(await ask(() => undefined)).toEqual({ worker: "w1", ok: true, value: null });
  const failing = (): never => {
    throw new Error("no such pool");
  };
  expect(await ask(failing)).toEqual({ worker: "w1", ok: false, error: "no such pool" });
  expect(await ask(() => 1n)).toMatchObject({ worker: "w1", ok: false, error: expect.stringContaining("BigInt") });
});
