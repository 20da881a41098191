import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WatchedProcess } from "@lovage/processes";
import { expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

it("makes a short real run with kills and an orderly end, keeps every promise, and leaves nothing behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lovage-chaos-test-"));
  const flags = "--broker sqlite --seed 3 --tasks 600 --minutes 0.1 --workers 2 --producers 1 --faults kill,term";
  const chaos = new WatchedProcess([MAIN, ...`${flags} --every 2000 --lease 1500 --poison-every 300`.split(" ")], {
    TMPDIR: folder,
  });
  try {
    const { code } = await chaos.exited;
    expect(code, chaos.output).toBe(0);
    expect(chaos.output).toContain("published  600 tasks: 600 accepted");
    expect(chaos.output).toContain("finished   598, dead 2");
    expect(chaos.output).toMatch(/kill\s+worker/);
    expect(chaos.output).toMatch(/term\s+worker/);
    expect(chaos.lines.at(-1)?.text).toBe("seed 3: every promise was kept");
    expect(await readdir(folder), "temporary folders").toEqual([]);
    expect(await processesOf(folder), "processes").toEqual([]);
  } finally {
    await chaos.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
});

it("ends what it started and keeps the ledger when it is interrupted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lovage-chaos-test-"));
  const flags = "--seed 4 --tasks 1000 --minutes 1 --workers 1 --producers 1 --faults none --lease 1000";
  const chaos = new WatchedProcess([MAIN, ...flags.split(" ")], { TMPDIR: folder });
  try {
    await chaos.line(({ text }) => text.startsWith("working"), "starting");
    chaos.child.kill("SIGINT");
    const { code } = await chaos.exited;
    expect(code).toBe(1);
    expect(chaos.lines.at(-1)?.text).toMatch(/^seed 4: the run could not be made; again: pnpm chaos .*--seed 4 /);
    const [kept] = await readdir(folder);
    expect(await readFile(join(folder, kept as string, "ledger.jsonl"), "utf8")).toContain('"e":"start"');
    expect(await processesOf(folder), "processes").toEqual([]);
  } finally {
    await chaos.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
});

/** Whoever has a run's folder in its environment, where the system can tell. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")));
  return pids.filter((_, place) => environments[place]?.includes(folder));
}
