/**
 * From publish to delivery across two processes, idle between: `node bench/latency.ts [messages] [thread|loop]`. Percentiles in ms of
 * the delivery's instant minus that of the call to publish, by the host's clock.
 */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sqliteBroker } from "../src/index.ts";
import { uuid7, withFile } from "./messages.ts";

type Placement = "thread" | "loop";
const now = (): number => performance.timeOrigin + performance.now();

async function consumer(path: string, placement: Placement): Promise<void> {
  const broker = sqliteBroker({ path, placement });
  await broker.connect();
  await broker.consume({ queue: "q", credit: 10 }, (batch) => {
    const at = now();
    for (const delivery of batch) {
      process.send?.(at - Number(delivery.message.headers["bench.at"]));
      void delivery.ack();
    }
  });
  process.send?.("ready");
}

async function producer(path: string, count: number, placement: Placement): Promise<void> {
  const broker = sqliteBroker({ path, placement });
  await broker.connect();
  await broker.ensureQueue({ name: "q" });
  const child = fork(fileURLToPath(import.meta.url), ["consumer", path, placement]);
  const word = (): Promise<unknown> => new Promise((resolve) => child.once("message", resolve));
  await word();
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 20));
    const answer = word();
    const headers = { task: "bench.noop", "bench.at": now() };
    void broker.publish([{ id: uuid7(), queue: "q", headers, body: "[[]]", priority: 5 }]);
    times.push((await answer) as number);
  }
  child.kill();
  await broker.close();
  times.sort((a, b) => a - b);
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(2);
  console.log(`${placement}: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms`);
}

const [first, second, third] = process.argv.slice(2);
if (first === "consumer") await consumer(second as string, third as Placement);
else {
  const placements = second === undefined ? (["thread", "loop"] as const) : [second as Placement];
  for (const placement of placements) await withFile((path) => producer(path, Number(first ?? 200), placement));
}
