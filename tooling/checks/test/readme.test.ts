import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

/** The first code that a newcomer copies must compile and run against what this repository builds. */
const repository = fileURLToPath(new URL("../../../", import.meta.url));
const here = fileURLToPath(new URL("../", import.meta.url));
const bin = join(repository, "node_modules/.bin");

let folder: string;
/** The lines `npx lovage …` of the example, the worker's first. */
let commands: string[];

beforeAll(() => {
  // Inside this package, so that its dependencies resolve as they would for a user.
  mkdirSync(join(here, ".readme"), { recursive: true });
  folder = mkdtempSync(join(here, ".readme", "example-"));
  const readme = readFileSync(join(repository, "README.md"), "utf8");
  for (const [, name = "", code = ""] of readme.matchAll(/^```ts\n\/\/ (\S+\.ts)\n([\s\S]*?)^```/gm)) {
    writeFileSync(join(folder, name), code);
  }
  commands = [...readme.matchAll(/^npx (lovage (?:worker|call|ps) .*)$/gm)].map(([, command = ""]) => command);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        module: "nodenext",
        target: "es2024",
        types: ["node"],
        noEmit: true,
        allowImportingTsExtensions: true,
      },
    }),
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("compiles the README's example under strict settings", () => {
  const run = spawnSync(join(bin, "tsc"), ["-p", folder], { encoding: "utf8" });
  expect(run.stdout + run.stderr).toBe("");
  expect(run.status).toBe(0);
});

it("runs the README's example: a worker, the commands beside it, and a producer in a process of its own", async () => {
  const { lovage = "" } = manifest("apps/worker").bin as Record<string, string>;
  const shell = (command: string): string =>
    command.replace(/^lovage/, `exec "${process.execPath}" "${join(repository, "apps/worker", lovage)}"`);
  const [start = "", call = "", ps = ""] = commands.map(shell);
  const worker = spawn("sh", ["-c", start], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const said: Buffer[] = [];
  worker.stdout.on("data", (chunk) => said.push(chunk));
  worker.stderr.on("data", (chunk) => said.push(chunk));
  const ended = once(worker, "exit");
  const options = { cwd: folder, timeout: 25_000 };
  const run = promisify(execFile);
  try {
    expect((await run("sh", ["-c", call], options)).stdout).toBe("1\n");
    expect((await run(process.execPath, ["producer.ts"], options)).stdout).toBe("1\n");
    expect((await run("sh", ["-c", ps], options)).stdout).toContain(String(worker.pid));
  } catch (error) {
    throw new Error(`the worker said: ${Buffer.concat(said)}`, { cause: error });
  } finally {
    worker.kill("SIGTERM");
    await ended;
  }
  expect(worker.exitCode, `${Buffer.concat(said)}`).toBe(0);
}, 60_000);

function manifest(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(repository, path, "package.json"), "utf8"));
}
