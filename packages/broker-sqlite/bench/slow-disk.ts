/**
 * Where should SQL run? A worker under load on a disk that takes 20 ms for each sync, with the storage on the loop and in a thread:
 * `node bench/slow-disk.ts [ms per sync]`. Needs cc and Linux. For docs/adr/0003-where-sqlite-runs.md.
 *
 * The worker acks what it gets as fast as it can, publishes as much again, writes results, and holds 50 deliveries under a lease of one
 * second which it renews every 300 ms. Another process, on the same slow disk, pings it through the control channel.
 */

import { execFileSync, fork } from "node:child_process";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { Delivery } from "@lovage/core/contracts";
import { sqliteBroker, sqliteResults } from "../src/index.ts";
import { noops, withFile } from "./messages.ts";

const SECONDS = 6;

interface Report {
  readonly acked: number;
  readonly held: number;
  readonly lost: number;
  readonly loopP50: number;
  readonly loopP99: number;
  readonly loopMax: number;
}

function spawnRole(role: string, args: readonly string[], preload: string, ms: string) {
  const env = { ...process.env, LD_PRELOAD: preload, SLOW_FSYNC_MS: ms };
  return fork(fileURLToPath(import.meta.url), [role, ...args], { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

function answered<T>(child: ReturnType<typeof fork>): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`ended with ${code}`)));
  });
}

const settled = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function worker(path: string, placement: "thread" | "loop"): Promise<void> {
  const broker = sqliteBroker({ path, placement });
  const results = sqliteResults({ path, placement });
  await broker.connect();
  await results.connect();
  await broker.ensureQueue({ name: "busy" });
  await broker.ensureQueue({ name: "held", leaseMs: 1_000 });
  await broker.publish(noops("held", 50));
  await broker.publish(noops("busy", 2_000));
  await broker.control?.serve(
    { id: "worker", host: "h", pid: process.pid, startedAt: Date.now(), version: "0" },
    () => "pong",
  );
  const held: Delivery[] = [];
  let lost = 0;
  await broker.consume({ queue: "held", credit: 60 }, (batch) => {
    held.push(...batch);
    for (const delivery of batch) delivery.lost.addEventListener("abort", () => (lost += 1));
  });
  setInterval(() => {
    for (const delivery of held) void delivery.renew();
  }, 300);
  let acked = 0;
  let running = true;
  await broker.consume({ queue: "busy", credit: 200 }, (batch) => {
    if (!running) return;
    // As a pool would: the outcomes come back a little later, in some batches.
    setTimeout(() => {
      void results.write(
        batch.map(({ message }) => ({ id: message.id, task: "t", state: "succeeded", final: true, attempt: 1 })),
      );
      void broker.publish(noops("busy", batch.length));
      for (const delivery of batch) void delivery.ack().then(() => (acked += 1));
    }, 2);
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.send?.("ready");
  await settled(SECONDS * 1_000);
  running = false;
  const ms = (ns: number): number => Math.round(ns / 1e5) / 10;
  const report: Report = {
    acked,
    held: held.length,
    lost,
    loopP50: ms(delay.percentile(50)),
    loopP99: ms(delay.percentile(99)),
    loopMax: ms(delay.max),
  };
  process.send?.(report, () => process.exit(0));
}

async function pinger(path: string, placement: "thread" | "loop"): Promise<void> {
  const broker = sqliteBroker({ path, placement });
  await broker.connect();
  const times: number[] = [];
  for (let i = 0; i < 30; i += 1) {
    const startedAt = performance.now();
    for await (const _ of broker.control?.broadcast({ name: "ping" }, { timeoutMs: 2_000, expect: 1 }) ?? []) {
      times.push(Math.round((performance.now() - startedAt) * 10) / 10);
    }
    await settled(50);
  }
  times.sort((a, b) => a - b);
  await broker.close();
  process.send?.({ answers: times.length, p50: times[times.length >> 1], max: times.at(-1) }, () => process.exit(0));
}

async function compare(ms: string): Promise<void> {
  for (const placement of ["loop", "thread"] as const) {
    await withFile(async (path) => {
      const preload = join(path, "..", "slow-fsync.so");
      const source = fileURLToPath(new URL("slow-fsync.c", import.meta.url));
      execFileSync("cc", ["-shared", "-fPIC", "-o", preload, source, "-ldl"]);
      const busy = spawnRole("worker", [path, placement], preload, ms);
      await answered(busy);
      const ping = answered<unknown>(spawnRole("pinger", [path, placement], preload, ms));
      const report = await answered<Report>(busy);
      console.log(`${placement}, ${ms} ms a sync:`, JSON.stringify({ ...report, control: await ping.catch(String) }));
    });
  }
}

const [role, path, placement] = process.argv.slice(2);
if (role === "worker") await worker(path as string, placement as "thread" | "loop");
else if (role === "pinger") await pinger(path as string, placement as "thread" | "loop");
else await compare(role ?? "20");
