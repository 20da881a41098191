import { expect, it, vi } from "vitest";
import { connected, consuming, messages, temporaryFile } from "./temporary.ts";

const watch = vi.hoisted(() =>
  vi.fn(() => {
    throw Object.assign(new Error("no more watches"), { code: "ENOSPC" });
  }),
);
vi.mock("node:fs", async (original) => ({ ...(await original<typeof import("node:fs")>()), watch }));

it("notices the commits of others by the poll alone where the folder cannot be watched", async () => {
  const path = temporaryFile();
  const consumer = await connected({ path, placement: "loop", pollMs: 20 });
  const { inbox } = await consuming(consumer, 2);
  const producer = await connected({ path, placement: "loop" });
  for (const count of [1, 2]) {
    await producer.publish(messages(1));
    await inbox.has(count);
  }
  expect(watch).toHaveBeenCalled();
});
