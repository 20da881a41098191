/**
 * No-op tasks through each pool alone, in turn with its peer: five rounds, medians. `node tooling/bench/src/pool-throughput.ts [name]`
 */

import { availableParallelism } from "node:os";
import type { Pool } from "@lovage/core/contracts";
import { eventPool } from "@lovage/pool-event";
import { processPool } from "@lovage/pool-process";
import { threadPool } from "@lovage/pool-thread";
import { drainPool, median, poolContext } from "./pools/drain.ts";
import { bareFork, bareThread, type Peer, piscina, tinypool } from "./pools/peers.ts";

const ROUNDS = 5;
const only = process.argv[2];
const units = Math.min(2, availableParallelism());

interface Contest {
  readonly name: string;
  readonly tasks: number;
  readonly pools: Readonly<Record<string, () => Pool>>;
  readonly peers: readonly (() => Peer)[];
}

const contests: readonly Contest[] = [
  {
    name: "event",
    tasks: 150_000,
    pools: {
      "event pool, 100 slots": () => eventPool(),
      "event pool, 500 slots": () => eventPool({ size: 500 }),
      "event pool, 100 slots in a process": () => eventPool({ isolation: "process" }),
    },
    peers: [bareThread],
  },
  {
    name: "thread",
    tasks: 20_000,
    pools: { [`thread pool, ${units} threads`]: () => threadPool({ size: units }) },
    peers: [() => piscina(units)],
  },
  {
    name: "process",
    tasks: 20_000,
    pools: { [`process pool, ${units} processes`]: () => processPool({ size: units }) },
    peers: [() => bareFork(units), () => tinypool(units)],
  },
];

for (const { name, tasks, pools, peers } of contests) {
  if (only !== undefined && only !== name) continue;
  const contestants = await Promise.all([
    ...Object.entries(pools).map(async ([label, make]) => {
      const pool = make();
      await pool.start(poolContext);
      return { name: label, drain: (calls: number) => drainPool(pool, calls), close: () => pool.close() };
    }),
    ...peers.map((make) => make()),
  ]);
  const rates = contestants.map((): number[] => []);
  const cpu = contestants.map((): number[] => []);
  for (const contestant of contestants) await contestant.drain(tasks / 4);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, contestant] of contestants.entries()) {
      const before = process.cpuUsage();
      rates[index]?.push(await contestant.drain(tasks));
      const { user, system } = process.cpuUsage(before);
      cpu[index]?.push((user + system) / tasks);
    }
  for (const [index, contestant] of contestants.entries()) {
    const rate = Math.round(median(rates[index] as number[])).toLocaleString("en");
    console.log(
      `${contestant.name.padEnd(36)} ${rate.padStart(9)}/s  ${median(cpu[index] as number[]).toFixed(1)} µs CPU in this process`,
    );
    await contestant.close();
  }
}
