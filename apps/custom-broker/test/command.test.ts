/** The real command on a spool, found by nothing but its name. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const here = resolve(import.meta.dirname, "..");
const lovage = join(dirname(createRequire(import.meta.url).resolve("lovage/package.json")), "bin/lovage.js");
const run = promisify(execFile);

const APP = `
import { appendFileSync } from "node:fs";
import { createApp, task } from "@lovage/core";

export const note = task("note", (text: string) => appendFileSync("notes.txt", text + "\\n"));
export const fails = task("fails", () => {
  throw new Error("not today");
});

export default createApp({ tasks: [note, fails] });
`;

/** A user's project: an app, and in its node_modules what it installed. The command is installed elsewhere. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spool-command-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "app.ts"), APP);
  mkdirSync(join(folder, "node_modules/@lovage"), { recursive: true });
  symlinkSync(here, join(folder, "node_modules/lovage-broker-spool"));
  symlinkSync(join(here, "node_modules/@lovage/core"), join(folder, "node_modules/@lovage/core"));
});

afterAll(() => rmSync(folder, { recursive: true }));

const command = async (...args: string[]): Promise<string> =>
  (await run(process.execPath, [lovage, ...args], { cwd: folder, timeout: 30_000 })).stdout;

it("runs the tasks of a spool, shows what waits in it, and its dead letters", async () => {
  const broker = ["--broker", "spool:./jobs"];
  const worker = spawn(process.execPath, [lovage, "worker", "app.ts", ...broker, "--log", "json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(worker, "exit");
  const said: string[] = [];
  worker.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  createInterface({ input: worker.stdout }).on("line", (line) => said.push(line));
  try {
    const ids = await Promise.all([
      command("call", "app.ts", "note", '["one"]', ...broker),
      command("call", "app.ts", "note", '["two"]', ...broker),
      command("call", "app.ts", "fails", "[]", ...broker),
    ]);
    expect(ids.every((id) => id.length > 30)).toBe(true);
    const stats = async (): Promise<{ ready: number; dead: number }> => {
      const [queue] = JSON.parse(await command("queue", "stats", "io", "--json", ...broker));
      return queue;
    };
    await expect.poll(stats, { timeout: 20_000 }).toMatchObject({ ready: 0, owned: 0, dead: 1 });
    expect(readdirSync(join(folder, "jobs/io.queue/dead"))).toHaveLength(1);
    expect(await command("dead", "ls", ...broker)).toContain("not today");
  } catch (error) {
    throw new Error(`the worker said: ${said.join("\n")}`, { cause: error });
  } finally {
    worker.kill("SIGTERM");
    await ended;
  }
  expect(worker.exitCode, said.join("\n")).toBe(0);
}, 60_000);

it("says in one line what is wrong with a URL", async () => {
  const { stderr } = (await command("queue", "stats", "--broker", "spool://host/jobs").catch((error) => error)) as {
    stderr: string;
  };
  expect(stderr).toMatch(/a spool is a folder: write spool:\.\/folder/);
});
