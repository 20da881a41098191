import { fileURLToPath } from "node:url";
import type { TaskEvent } from "@lovage/core/contracts";
import { Bench } from "@lovage/processes";
import { expect, it } from "vitest";
import { BROKERS } from "./brokers.ts";

const APP = fileURLToPath(new URL("./apps/spin.ts", import.meta.url));
/** Two leases. `LOVAGE_SPIN_S=60` tries as many as six, or whatever it takes to convince you. */
const SPIN_S = Number(process.env.LOVAGE_SPIN_S ?? 20);
const SPIN_MS = SPIN_S * 1_000;

const POOLS = ["event", "solo", "thread", "process"] as const;
const QUEUES = [...POOLS, "fill"] as const;
const ARGS = [
  "worker",
  APP,
  ...["event=event:10", "solo=solo:1", "thread=thread:1", "process=process:1", "fill=event:1"].flatMap((pool) => [
    "--pool",
    pool,
  ]),
  ...QUEUES.flatMap((pool) => ["-Q", `${pool}:on-${pool}`]),
  "--log",
  "json",
  "--grace",
  `${SPIN_S + 20}s`,
];

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

it.each(BROKERS)(
  `$name: a task that spins for ${SPIN_S} s in any pool, and one that fills libuv's thread pool, take nothing down but themselves`,
  { timeout: SPIN_MS + 70_000 },
  async ({ open }) => {
    await using place = await open();
    await using bench = await Bench.open(place.url);
    const broker = place.broker();
    await broker.connect();
    const started: TaskEvent[] = [];
    // Before the worker is there: one that runs may learn of a listener a second late.
    await broker.control?.listen((events) => started.push(...events.filter(({ type }) => type === "task-started")));
    const worker = bench.start([...ARGS, "--name", "w1"]);
    await worker.line(({ text }) => /ready|running/.test(text), "being ready");

    const calledAt = Date.now();
    for (const pool of POOLS) {
      const call = await bench.run(["call", APP, `spin.${pool}`, `[${SPIN_MS}]`]);
      expect(call.code, call.output).toBe(0);
    }
    expect((await bench.run(["call", APP, "fill.threadpool", "[400000]"])).code).toBe(0);

    for (const pool of POOLS) {
      const line = await worker.line(
        ({ text }) => text.includes(`spin.${pool}`) && /stall/i.test(text),
        `the stalled task spin.${pool}`,
      );
      const began = started.find(({ task }) => task === `spin.${pool}`)?.at ?? 0;
      expect(Date.parse(String(line.json?.time)) - began, `ms until spin.${pool} was named`).toBeLessThan(2_000);
    }

    const answers: number[] = [];
    for (let round = 0; round < 9; round++) {
      const asked = performance.now();
      const command = { name: "inspect", args: { what: "active" } };
      for await (const reply of broker.control?.broadcast(command, { timeoutMs: 5_000, expect: 1 }) ?? [])
        expect(reply).toMatchObject({ worker: "w1", ok: true, value: { length: POOLS.length + 1 } });
      answers.push(performance.now() - asked);
    }
    expect(median(answers), `ms to answer: ${answers.map(Math.round)}`).toBeLessThan(200);

    for (const command of [["ps"], ["inspect", "active"], ["inspect", "stats"]]) {
      const { code, output } = await bench.run([...command, "--json"]);
      expect(code, output).toBe(0);
      expect(output).toContain("w1");
    }

    // A second worker would be given anything whose lease was not renewed.
    const rival = bench.start([...ARGS, "--name", "w2"]);
    await rival.line(({ text }) => /ready|running/.test(text), "being ready");
    worker.child.kill("SIGTERM");
    const { code } = await worker.exited;
    expect(code, worker.output).toBe(0);
    expect(Date.now() - calledAt).toBeGreaterThan(SPIN_MS);
    expect(started.map(({ worker, task }) => `${worker} ${task}`).sort()).toEqual(
      ["fill.threadpool", "spin.event", "spin.process", "spin.solo", "spin.thread"].map((task) => `w1 ${task}`),
    );
    await broker.close();
    const { output } = await bench.run(["queue", "stats", "--json"]);
    expect(output).not.toMatch(/"(ready|owned|delayed|dead)":\s*[1-9]/);
  },
);
