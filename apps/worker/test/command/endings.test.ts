/** Exit codes that need a broker or an app of a special kind. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { APP, APPS, BIN, Workplace } from "../support/lovage.ts";

const MEMORY = path.resolve(import.meta.dirname, "../../../../packages/core/dist/memory/index.js");

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.close());

/** Installs an adapter in the workplace, as npm would. */
function install(name: string, source: string): void {
  const home = path.join(place.folder, "node_modules", name);
  mkdirSync(home, { recursive: true });
  writeFileSync(
    path.join(home, "package.json"),
    JSON.stringify({ name, version: "1.0.0", type: "module", exports: "./index.js" }),
  );
  writeFileSync(path.join(home, "index.js"), source);
}

it("a broker of an adapter found by convention is used like any other, and keeps no results unless it can", async () => {
  install(
    "lovage-broker-here",
    `import { memoryBroker } from ${JSON.stringify(MEMORY)}; export const openBroker = () => memoryBroker();`,
  );
  const worker = await place.worker(["-b", "here:", "-P", "event"]);
  await worker.line(/results are off/);
  worker.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ code: 0 });
});

it("a broker that stays out of reach ends the start with 69 and says how long was waited", async () => {
  install(
    "lovage-broker-away",
    `import { memoryBroker } from ${JSON.stringify(MEMORY)};
     export function openBroker() {
       const broker = memoryBroker();
       broker.connect = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
       return broker;
     }`,
  );
  const { code, stderr } = await place.run(["worker", APP, "-b", "away:", "-P", "event", "--connect-timeout", "300ms"]);
  expect(stderr).toMatch(/could not be reached within 300ms; check the URL and the server/);
  expect(code).toBe(69);
});

it("an error that nobody caught in the main process gives back what runs and ends with 70", async () => {
  const worker = place.start(["worker", path.join(APPS, "stray.ts"), "--log", "json", "-P", "event"]);
  await worker.line(/"worker ready"/);
  worker.kill("SIGHUP");
  await worker.line(/uncaught error in the worker: a stray error/);
  expect(await worker.ended).toMatchObject({ code: 70 });
});

it("a reader that has seen enough is not a failure", async () => {
  await place.run(["worker", APP, "--drain", "-P", "event"]);
  const child = spawn(process.execPath, [BIN, "worker", "--help"], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.destroy();
  expect(await once(child, "close")).toEqual([0, null]);
});

/** Gives a command a terminal. */
const SCRIPT = "/usr/bin/script";

it.runIf(existsSync(SCRIPT)).each([
  ["n", "nothing was removed", 1],
  ["y", "1 message removed from io", 0],
])("on a terminal purge asks, and takes %j for an answer", async (answer, outcome, code) => {
  expect(await place.run(["call", APP, "math.add", "[1, 2]"])).toMatchObject({ code: 0, stderr: "" });
  const command = `${process.execPath} ${BIN} queue purge io`;
  const child = spawn(SCRIPT, ["-qec", command, "/dev/null"], {
    cwd: place.folder,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const asked = shown.includes("[y/N]");
    shown += text;
    if (!asked && shown.includes("[y/N]")) child.stdin.write(`${answer}\n`);
  });
  const [exit] = (await once(child, "close")) as [number];
  expect(shown).toContain('Remove 1 ready message from "io" for good? [y/N]');
  expect(shown).toContain(outcome);
  expect(exit).toBe(code);
});
