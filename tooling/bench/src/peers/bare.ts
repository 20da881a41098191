/**
 * The client library alone, in a loop that does no more than the same durability and the same kind of acknowledgement take: what an adapter on
 * it cannot be faster than. The messages are the very ones that Lovage stores, so both move the same bytes.
 */

import { BenchPlace, BROKERS, type BrokerKind } from "../measure/bench-place.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { now } from "../measure/marks.ts";
import type { Drained, Latency, Peer } from "./peer.ts";
import { drainedOf, latencyOf, startPeer, type WorkerOrder } from "./peer-process.ts";

export interface BareOrder extends WorkerOrder {
  readonly url: string;
  /** The most that is held, or being acknowledged, at a time. */
  readonly window: number;
  /** Messages come one by one and say when they were enqueued. */
  readonly idle: boolean;
}

/** When the message of a task `arrive(enqueuedAt)` was enqueued. */
export function enqueuedAt(body: Uint8Array): { readonly enqueuedAt: number } {
  const [[at]] = JSON.parse(Buffer.from(body).toString()) as [[number]];
  return { enqueuedAt: at };
}

/** Stores copies of one message as it lies in the queue, each under an id of its own. */
export interface BareProducer extends AsyncDisposable {
  /** Resolves when `count` are confirmed; at most `window` at a time are not. */
  store(count: number, window: number): Promise<void>;
}

/** A client library. */
export interface BareClient {
  readonly name: string;
  readonly note: string;
  readonly broker: string;
  /** Its worker's module, beside this one. */
  readonly worker: string;
  /** Of the drain, each measured: which is fastest depends on the machine. The first is taken where nothing is to be fast. */
  readonly windows: readonly [number, ...number[]];
  /** Connects; there is one message in the queue, which it takes for its sample. */
  produce(url: string): Promise<BareProducer>;
}

const POOLS = ["event:1", "event:50", "event:500", "solo", "thread:2", "process:2"];
const DRAINED = 200_000;

export function bare(client: BareClient): Peer {
  const { name, note, windows } = client;
  const store = (which: string, against: string, most: number, tasks: number) => ({
    name: `${name}, ${which}`,
    against,
    tasks,
    store: (count: number) => timeStoring(client, count, most),
  });
  return {
    name,
    note,
    drains: windows.map((window) => ({
      name: `${name}, ${window} held`,
      against: POOLS,
      tasks: DRAINED,
      drain: (count) => drainWith(client, count, window),
    })),
    stores: [
      store("1,000 unconfirmed", "bulk, 1,000 per call", 1_000, 200_000),
      store("500 unconfirmed", "concurrently, 500 in flight", 500, 50_000),
      store("one at a time", "one at a time", 1, 5_000),
    ],
    latency: (count, pauseMs) => latencyWith(client, count, pauseMs),
  };
}

const kindOf = ({ broker }: BareClient): BrokerKind => BROKERS[broker] as BrokerKind;

async function drainWith(client: BareClient, count: number, window: number): Promise<Drained> {
  await using place = await BenchPlace.open(kindOf(client));
  await using queue = await BenchQueue.open(place);
  await queue.fillWithNoops(count);
  const order: BareOrder = { url: place.brokerUrl, window, idle: false, jobs: count };
  await using worker = await startPeer(client.worker, order);
  return drainedOf(await worker.report, count);
}

async function timeStoring(client: BareClient, count: number, window: number): Promise<number> {
  await using place = await BenchPlace.open(kindOf(client));
  await using queue = await BenchQueue.open(place);
  await queue.noop.enqueue();
  await using producer = await client.produce(place.brokerUrl);
  const started = performance.now();
  await producer.store(count, window);
  const tookMs = performance.now() - started;
  const { ready } = await queue.broker.depth("io");
  if (ready !== count) throw new Error(`${ready} messages are in the queue, ${count} were stored`);
  return tookMs;
}

/** The producer is Lovage's, the worker is not: what is told apart is the way from the broker to the task. */
async function latencyWith(client: BareClient, count: number, pauseMs: () => number): Promise<Latency> {
  await using place = await BenchPlace.open(kindOf(client));
  await using queue = await BenchQueue.open(place);
  const order: BareOrder = { url: place.brokerUrl, window: client.windows[0], idle: true, jobs: count };
  await using worker = await startPeer(client.worker, order);
  for (let sent = 0; sent < count; sent++) {
    await queue.arrive.enqueue(now());
    await new Promise((resolve) => setTimeout(resolve, pauseMs()));
  }
  return latencyOf(await worker.report);
}
