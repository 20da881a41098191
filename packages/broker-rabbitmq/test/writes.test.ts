import { once } from "node:events";
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { writeTogether } from "../src/connection/rabbitmq-writes.ts";

/** Notes what reaches it in one call each. */
function destination(): { stream: Writable; calls: string[] } {
  const calls: string[] = [];
  const stream = new Writable({
    highWaterMark: 8,
    write: (chunk, _encoding, done) => {
      calls.push(String(chunk));
      setImmediate(done);
    },
    writev: (chunks, done) => {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      setImmediate(done);
    },
  });
  writeTogether(stream);
  return { stream, calls };
}

describe("frames on a socket", () => {
  it("leave together when they were written in one turn, in their order", async () => {
    const { stream, calls } = destination();
    for (const frame of ["a", "b", "c"]) stream.write(frame);
    await new Promise(setImmediate);
    stream.write("d");
    stream.end("e");
    await once(stream, "finish");
    expect(calls).toEqual(["abc", "de"]);
  });

  it("still hold their writer back when the socket is full, until it has room", async () => {
    const { stream } = destination();
    expect(stream.write("1234")).toBe(true);
    expect(stream.write("5678")).toBe(false);
    await once(stream, "drain");
    expect(stream.write("9")).toBe(true);
  });

  it("are not kept by a socket that is destroyed in the same turn", async () => {
    const { stream, calls } = destination();
    stream.write("a");
    stream.destroy();
    await once(stream, "close");
    expect(calls).toEqual([]);
  });
});
