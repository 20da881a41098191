import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const fixture = fileURLToPath(new URL("fixture", import.meta.url));

/** Stands in for the system's temporary folder, so that anything left there shows. */
let temporary: string;

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), "sample-test-"));
});

afterEach(async () => {
  await rm(temporary, { recursive: true });
});

function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function finish(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [[code], stdout, stderr] = await Promise.all([
    once(child, "close") as Promise<[number | null]>,
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  return { code, stdout, stderr };
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("the reference app", { timeout: 60_000 }, () => {
  it("indexes a folder with both pools, answers the query, and leaves nothing behind", async () => {
    const flags = ["--query", "growing celery", "--latency", "5", "--unlucky", "0", "--processes", "1", "--json"];
    const { code, stdout, stderr } = await finish(start(fixture, ...flags));
    expect(code, stderr).toBe(0);
    const outcome = JSON.parse(stdout);
    expect(outcome).toMatchObject({ documents: 5, indexed: 5, failures: [] });
    expect(outcome.answers.map((answer: { path: string }) => answer.path)).toEqual([
      "kitchen/lovage.md",
      "kitchen/stock.md",
    ]);
    expect(outcome.pools.io).toMatchObject({ kind: "event", finished: 5 });
    expect(outcome.pools.cpu).toMatchObject({ kind: "process", finished: 5 });
    expect(outcome.pids).toHaveLength(3);
    expect(outcome.pids.filter(lives)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it("retries what the server refused once", async () => {
    const { code, stdout, stderr } = await finish(start(fixture, "--latency", "5", "--unlucky", "1", "--json"));
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      indexed: 5,
      failures: [],
      tasks: { "documents.fetch": { retried: 5 } },
    });
  });

  it.runIf(process.platform === "linux")("cleans up after Ctrl-C in the middle of the work", async () => {
    const child = start(fixture, "--latency", "60000", "--processes", "1");
    await line(child, "io 0/5");
    const started = await descendants(child.pid as number);
    const finished = finish(child);
    child.kill("SIGINT");
    const { code, stderr } = await finished;
    expect(code, stderr).toBe(130);
    expect(started).toHaveLength(3);
    expect(started.filter(lives)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it("says what is wrong with the command line", async () => {
    const { code, stderr } = await finish(start(fixture, "--slots", "none"));
    expect(code).toBe(1);
    expect(stderr).toContain("a whole number from 1 is needed");
  });

  it("says so when there is nothing to index", async () => {
    const { code, stderr } = await finish(start(temporary));
    expect(code).toBe(1);
    expect(stderr).toContain(`there is no Markdown under ${temporary}`);
  });
});

/** Resolves when the child has printed this to stderr. */
async function line(child: ChildProcess, words: string): Promise<void> {
  let printed = "";
  const stderr = child.stderr as NodeJS.ReadableStream;
  for await (const [chunk] of on(stderr, "data")) {
    printed += chunk;
    if (printed.includes(words)) return;
  }
}

/** The processes that a process has started, and those that they have. Linux only. */
async function descendants(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const pids = children.split(" ").filter(Boolean).map(Number);
  return [...pids, ...(await Promise.all(pids.map(descendants))).flat()];
}
