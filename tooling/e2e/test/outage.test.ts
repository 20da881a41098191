import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as elapse } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createApp } from "@lovage/core";
import { Bench } from "@lovage/processes";
import { expect, it } from "vitest";
import { hold, work } from "./apps/ledger.ts";
import { BROKERS } from "./brokers.ts";

const APP = fileURLToPath(new URL("./apps/ledger.ts", import.meta.url));
/** Three leases. */
const OUTAGE_MS = 30_000;
const HELD = 40;

async function lines(ledger: string, what: "start" | "end"): Promise<readonly string[]> {
  const all = (await readFile(ledger, "utf8")).split("\n").filter((line) => line.startsWith(what));
  return all.map((line) => line.split(" ")[1] as string);
}

const servers = BROKERS.filter(({ outlastsItsServer }) => outlastsItsServer);

it.each(servers)(
  "$name: away for 30 s under load and back, nothing that still runs is started again, and nothing is lost",
  {
    timeout: 180_000,
  },
  async ({ open }) => {
    await using place = await open();
    await using bench = await Bench.open(place.url);
    const ledger = bench.path("ledger");
    await writeFile(ledger, "");
    const producer = place.broker();
    await producer.connect();
    const app = createApp({ tasks: [work, hold], broker: producer });
    const held = await app.task(hold).enqueueMany(Array.from({ length: HELD }, () => [OUTAGE_MS + 15_000] as const));
    const args = ["worker", APP, "--pool", "io=event:100", "--log", "json"];
    const workers = [bench.start(args, { LEDGER: ledger }), bench.start(args, { LEDGER: ledger })];
    while ((await lines(ledger, "start")).length < HELD) await elapse(50);
    const short = await app.task(work).enqueueMany(Array.from({ length: 2_000 }, (_, index) => [index] as const));
    while ((await lines(ledger, "end")).length < 100) await elapse(10);

    const back = await place.away?.();
    await elapse(OUTAGE_MS);
    await back?.();
    const ids = new Set([...held, ...short].map(({ id }) => id));
    while (new Set(await lines(ledger, "end")).size < ids.size) await elapse(100);

    const starts = await lines(ledger, "start");
    const startsOfHeld = held.map(({ id }) => starts.filter((start) => start === id).length);
    expect(new Set(startsOfHeld), "each task that ran through the outage began once").toEqual(new Set([1]));
    expect(new Set(starts)).toEqual(ids);
    for (const worker of workers) await worker.kill("SIGTERM");
    await app.close();
  },
);
