/**
 * Messages per second through this package alone: `node bench/throughput.ts [messages] [credit]`.
 *
 * raw: batches straight into the storage, no thread. Then, for both placements of the storage: bulk publish (1,000 a call), concurrent
 * publish (one a call, 500 at once), and drain (claim, hand over, ack) by one consumption that acks at once.
 */

import type { Broker, Delivery } from "@lovage/core/contracts";
import { sqliteBroker } from "../src/index.ts";
import type { ClaimAnswer, Operation } from "../src/sqlite-operations.ts";
import { addMessage, noColumns } from "../src/sqlite-publishing.ts";
import { Storage } from "../src/storage/storage.ts";
import { noops, withFile } from "./messages.ts";

const count = Number(process.argv[2] ?? 100_000);
const credit = Number(process.argv[3] ?? 500);

async function measure(label: string, messages: number, run: () => Promise<void> | void): Promise<void> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  await run();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = Math.round((messages / ms) * 1_000).toLocaleString("en");
  console.log(
    `${label.padEnd(34)} ${perSecond.padStart(10)} /s   ${((user + system) / messages).toFixed(1)} µs CPU each`,
  );
}

function raw(path: string, batch: number): Promise<void> {
  const storage = new Storage(path);
  const ask = <T>(...operations: Operation[]): T => {
    const reply = storage.execute({ operations, apart: false });
    const last = reply.ok ? reply.replies.at(-1) : undefined;
    if (last?.ok !== true) throw new Error("the storage refused");
    return last.value as T;
  };
  ask({ op: "ensureQueue", input: { name: "q" } });
  const batches = Array.from({ length: Math.ceil(count / batch) }, () => {
    const columns = noColumns();
    for (const message of noops("q", batch)) addMessage(columns, message);
    return columns;
  });
  return measure(`raw publish, ${batch} a batch`, count, () => {
    for (const columns of batches) ask({ op: "publish", input: { ...columns, maxBytes: undefined } });
  })
    .then(() =>
      measure(`raw claim + ack, ${batch} a batch`, count, () => {
        let held: number[] = [];
        do {
          const answer = ask<ClaimAnswer>(
            { op: "ack", input: held },
            { op: "claim", input: { queue: "q", limit: batch } },
          );
          const { claimed } = answer;
          held = claimed?.seqs.flatMap((seq) => [seq, claimed.token]) ?? [];
        } while (held.length > 0);
      }),
    )
    .finally(() => storage.close());
}

async function drain(broker: Broker, messages: number): Promise<void> {
  let settled = 0;
  await new Promise<void>((resolve) => {
    const take = (batch: readonly Delivery[]): void => {
      for (const delivery of batch) {
        void delivery.ack().then(() => {
          settled += 1;
          if (settled === messages) resolve();
        });
      }
    };
    void broker.consume({ queue: "q", credit }, take);
  });
}

async function throughAdapter(path: string, placement: "thread" | "loop"): Promise<void> {
  const broker = sqliteBroker({ path, placement });
  await broker.connect();
  await broker.ensureQueue({ name: "q" });
  const messages = noops("q", count);
  await measure(`${placement}: publish, 1,000 a call`, count, async () => {
    for (let i = 0; i < count; i += 1_000) await broker.publish(messages.slice(i, i + 1_000));
  });
  const single = Math.floor(count / 4);
  const singles = noops("q", single);
  await measure(`${placement}: publish, 500 at once`, single, async () => {
    const one = async (): Promise<void> => {
      for (let next = singles.pop(); next !== undefined; next = singles.pop()) await broker.publish([next]);
    };
    await Promise.all(Array.from({ length: 500 }, one));
  });
  await measure(`${placement}: drain, credit ${credit}`, count + single, () => drain(broker, count + single));
  await broker.close();
}

const placements =
  process.argv[4] === undefined ? (["thread", "loop"] as const) : [process.argv[4] as "thread" | "loop"];
if (process.argv[4] === undefined) for (const batch of [100, 500]) await withFile((path) => raw(path, batch));
for (const placement of placements) await withFile((path) => throughAdapter(path, placement));
