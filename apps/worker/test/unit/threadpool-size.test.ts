import { expect, it } from "vitest";
import { threadpoolSize } from "../../src/flags/threadpool-size.ts";

it.each([
  ["the default pools", ["app.ts"], 20],
  ["one pool of threads", ["app.ts", "-P", "thread", "-c", "8"], 12],
  ["threads by default", ["app.ts", "-P", "threads"], 8],
  ["child processes, which have pools of their own", ["app.ts", "-P", "prefork", "-c", "64"], 4],
  ["several pools", ["app.ts", "--pool", "io=event:500", "--pool=t=thread:10"], 30],
  ["more than is sensible", ["app.ts", "--pool", "t=thread:5000"], 128],
  ["nonsense, which the parser will refuse", ["--pool"], 20],
])("libuv's thread pool is sized for %s", (_, argv, size) => {
  expect(threadpoolSize(argv, 4)).toBe(size);
});
