import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createApp } from "@lovage/core";
import { Bench } from "@lovage/processes";
import { expect, it } from "vitest";
import { work } from "./apps/ledger.ts";
import { BROKERS } from "./brokers.ts";

const APP = fileURLToPath(new URL("./apps/ledger.ts", import.meta.url));
const TASKS = 10_000;
const HEIR_AT = 1_000;
const KILL_AT = 3_000;

interface Entry {
  readonly what: "start" | "end";
  readonly id: string;
  readonly pid: number;
  readonly at: number;
}

async function read(path: string): Promise<Entry[]> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [what, id, , pid, at] = line.split(" ");
    return { what: what as Entry["what"], id: id as string, pid: Number(pid), at: Number(at) };
  });
}

/** Resolves when so many runs have ended. */
async function ended(ledger: string, count: number): Promise<void> {
  while ((await read(ledger)).filter((entry) => entry.what === "end").length < count) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it.each(BROKERS)(
  "$name: loses nothing of 10,000 tasks when a worker is killed, and runs again only what it had not settled, soon",
  async ({ open, againWithinMs }) => {
    await using place = await open();
    await using bench = await Bench.open(place.url);
    const ledger = bench.path("ledger");
    await writeFile(ledger, "");
    const producer = place.broker();
    await producer.connect();
    const app = createApp({ tasks: [work], broker: producer });
    const handles = await app.task(work).enqueueMany(Array.from({ length: TASKS }, (_, index) => [index] as const));
    await app.close();

    const env = { LEDGER: ledger };
    const args = ["worker", APP, "--pool", "io=event:50", "--log", "json"];
    const doomed = bench.start(args, env);
    await ended(ledger, HEIR_AT);
    const heir = bench.start([...args, "--drain"], env);
    await heir.line(({ text }) => /ready|running/.test(text), "being ready");
    await ended(ledger, KILL_AT);
    const killedAt = Date.now();
    await doomed.kill("SIGKILL");
    expect(await heir.exited).toMatchObject({ code: 0 });

    const entries = await read(ledger);
    const ends = new Map<string, Entry[]>();
    for (const entry of entries.filter(({ what }) => what === "end"))
      ends.set(entry.id, [...(ends.get(entry.id) ?? []), entry]);
    expect(ends.size, "every task ended at least once").toBe(handles.length);

    const startsOf = (pid: number) => entries.filter((entry) => entry.what === "start" && entry.pid === pid);
    const endedBefore = new Set(
      entries.filter(({ what, pid }) => what === "end" && pid === doomed.pid).map(({ id }) => id),
    );
    const again = startsOf(heir.pid).filter(({ id }) => startsOf(doomed.pid).some((start) => start.id === id));
    // Everything run twice was in the dead worker's hands when it died: begun and not settled. What it could hold is bounded by its slots and buffer.
    const twice = [...ends.values()].filter((list) => list.length > 1);
    expect(twice.length, "run twice to the end: ended, but not yet settled, at the moment of the kill").toBeLessThan(
      400,
    );
    for (const list of twice)
      expect(list[0]?.at, "only what ended just before the kill").toBeGreaterThan(killedAt - 1_000);
    expect(again.length).toBeGreaterThan(0);
    const unfinished = startsOf(doomed.pid).filter(({ id }) => !endedBefore.has(id));
    for (const { id } of unfinished) expect(ends.get(id)?.[0]?.pid, `task ${id} ran again elsewhere`).toBe(heir.pid);
    const latest = Math.max(...again.map(({ at }) => at));
    expect(latest - killedAt, "ms until everything it held had begun again").toBeLessThan(againWithinMs);
  },
);
