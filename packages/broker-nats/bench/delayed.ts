/**
 * Delayed messages by the thousand: `node bench/delayed.ts [messages] [seconds] [workers]`. Publishes them due at random within that time, takes
 * them in as many processes, and kills the one that was elected to move them when a third of the time is over, where the server does not move
 * them itself. Says how late each came, and what the workers' memory did while all of them waited. Ends with 1 when one was early, lost or
 * doubled, or later than the broker declares (and than an election takes, for those that were due during it).
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { startNats } from "@lovage/services";
import { natsBroker } from "../src/index.ts";

const NAMESPACE = "bench";
const QUEUE = "bench";
const LEAD_MS = 20_000;
/** A mover that dies is missed after three seconds; what has come due in them is moved then. */
const ELECTION_MS = 4_000;
/** Of which a worker's memory may grow and shrink by itself, in MiB. */
const BREATH_MIB = 30;

type Report =
  | { readonly type: "ready" }
  | { readonly type: "taken"; readonly ids: readonly string[]; readonly at: number }
  | { readonly type: "memory"; readonly mib: number };

const tell = (report: Report): void => void process.send?.(report);

/** `credit` 0: it only stands for election. */
async function work(url: string, credit: number): Promise<void> {
  await using broker = natsBroker({ servers: url, namespace: NAMESPACE });
  await broker.connect();
  await broker.consume({ queue: QUEUE, credit }, (batch) => {
    tell({ type: "taken", ids: batch.map(({ message: { id } }) => id), at: Date.now() });
    for (const delivery of batch) void delivery.ack();
  });
  process.on("message", (ask) => {
    if (ask === "memory") tell({ type: "memory", mib: process.memoryUsage().rss / 1_048_576 });
  });
  tell({ type: "ready" });
  await once(process, "disconnect");
}

/** Early ones are late by less than nothing. */
class Arrivals {
  readonly late: number[] = [];
  readonly dueAt: number[] = [];
  readonly #seen: Uint8Array;
  doubled = 0;
  seen = 0;

  constructor(count: number) {
    this.#seen = new Uint8Array(count);
  }

  take(ids: readonly string[], at: number): void {
    for (const id of ids) {
      const [index = 0, dueAt = 0] = id.split("-").map(Number);
      if (this.#seen[index] === 1) this.doubled += 1;
      else this.seen += 1;
      this.#seen[index] = 1;
      this.late.push(at - dueAt);
      this.dueAt.push(dueAt);
    }
  }
}

async function startWorker(url: string, credit: number, arrivals: Arrivals): Promise<ChildProcess> {
  const worker = fork(import.meta.filename, ["worker", url, `${credit}`]);
  worker.on("message", (report: Report) => report.type === "taken" && arrivals.take(report.ids, report.at));
  await answer(worker, "ready");
  return worker;
}

async function answer<T extends Report["type"]>(worker: ChildProcess, type: T): Promise<Extract<Report, { type: T }>> {
  for (;;) {
    const [report] = (await once(worker, "message")) as [Report];
    if (report.type === type) return report as Extract<Report, { type: T }>;
  }
}

async function memoryOf(workers: readonly ChildProcess[]): Promise<readonly number[]> {
  const asked = workers.map((worker) => answer(worker, "memory"));
  for (const worker of workers) worker.send("memory");
  return (await Promise.all(asked)).map(({ mib }) => Math.round(mib));
}

const at = (instant: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, instant - Date.now()));

async function measure(count: number, withinMs: number, fleet: number): Promise<boolean> {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url, namespace: NAMESPACE });
  await broker.connect();
  await broker.ensureQueue({ name: QUEUE, leaseMs: 30_000 });
  const arrivals = new Arrivals(count);
  // The first that stands is elected.
  const mover = await startWorker(server.url, 0, arrivals);
  await at(Date.now() + 500);
  const workers = await Promise.all(Array.from({ length: fleet }, () => startWorker(server.url, 100, arrivals)));
  const before = await memoryOf(workers);

  const startedAt = Date.now();
  const start = startedAt + LEAD_MS;
  for (let first = 0; first < count; first += 1_000) {
    const messages = Array.from({ length: Math.min(1_000, count - first) }, (_, index) => {
      const dueAt = Math.ceil(start + Math.random() * withinMs);
      const id = `${first + index}-${dueAt}`;
      return { id, queue: QUEUE, headers: { task: "bench.noop" }, body: "[[]]", priority: 5, dueAt };
    });
    const outcomes = await broker.publish(messages);
    const failed = outcomes.find(({ status }) => status !== "accepted");
    if (failed !== undefined) throw new Error(`not accepted: ${JSON.stringify(failed)}`);
  }
  const publishedMs = Date.now() - startedAt;
  if (publishedMs > LEAD_MS)
    throw new Error(`publishing took ${publishedMs} ms, longer than the lead of ${LEAD_MS} ms`);
  await at(start - 1_000);
  const after = await memoryOf(workers);
  const { delayed } = await broker.depth(QUEUE);

  const killedAt = start + withinMs / 3;
  await at(killedAt);
  mover.kill("SIGKILL");
  const giveUpAt = start + withinMs + 30_000;
  while (arrivals.seen < count && Date.now() < giveUpAt) await at(Date.now() + 100);
  const left = await broker.depth(QUEUE);
  for (const worker of workers) worker.disconnect();

  const { delayResolutionMs } = broker.capabilities;
  const inElection = (dueAt: number): boolean => dueAt > killedAt - 1_000 && dueAt < killedAt + ELECTION_MS;
  const usual = arrivals.late.filter((_, index) => !inElection(arrivals.dueAt[index] as number)).sort((a, b) => a - b);
  const during = arrivals.late.filter((_, index) => inElection(arrivals.dueAt[index] as number)).sort((a, b) => a - b);
  const share = (late: readonly number[], part: number): number =>
    late[Math.min(late.length - 1, Math.floor(late.length * part))] ?? 0;
  const early = arrivals.late.filter((late) => late < 0).length;
  const grown = Math.max(...after.map((mib, index) => mib - (before[index] as number)));
  console.log(`published ${count} in ${publishedMs} ms; ${delayed} wait on the server; ${fleet} workers`);
  console.log(`memory of a worker before ${before.join(", ")} MiB, while all wait ${after.join(", ")} MiB`);
  console.log(`late by p50 ${share(usual, 0.5)} ms, p99 ${share(usual, 0.99)} ms, most ${share(usual, 1)} ms`);
  console.log(`of ${during.length} that were due while the killed mover was missed: most ${share(during, 1)} ms`);
  console.log(
    `early ${early}, lost ${count - arrivals.seen}, doubled ${arrivals.doubled}, left ${JSON.stringify(left)}`,
  );
  const inTime = share(usual, 1) <= delayResolutionMs && share(during, 1) <= ELECTION_MS + delayResolutionMs;
  return early === 0 && arrivals.seen === count && arrivals.doubled === 0 && inTime && grown < BREATH_MIB;
}

const [role, ...rest] = process.argv.slice(2);
if (role === "worker") await work(rest[0] as string, Number(rest[1]));
else {
  const [count = 100_000, seconds = 60, fleet = 3] = process.argv.slice(2).map(Number);
  process.exitCode = (await measure(count, seconds * 1_000, fleet)) ? 0 : 1;
}
