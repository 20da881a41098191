import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openPool } from "lovage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** A guide is a package in pieces: put together, it must compile under its own settings and pass the kit, as it tells its readers. */
const repository = fileURLToPath(new URL("../../../", import.meta.url));
const here = fileURLToPath(new URL("../", import.meta.url));
const bin = join(repository, "node_modules/.bin");
const run = promisify(execFile);

/** Files by path: TypeScript names itself in its first line, JSON in the line before the listing, in backticks before a colon. */
function files(guide: string): Map<string, string> {
  const text = readFileSync(join(repository, "docs/guides", guide), "utf8");
  const found = new Map<string, string>();
  for (const [, path = "", code = ""] of text.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)) found.set(path, code);
  for (const [, path = "", code = ""] of text.matchAll(/`([\w.]+\.json)`[^\n`]*:\n\n```json\n([\s\S]*?)^```$/gm)) {
    found.set(path, code);
  }
  return found;
}

describe.each([
  // All of the kit runs where the package lives; here the pieces must be complete.
  { guide: "writing-a-broker.md", name: "lovage-broker-spool", groups: "lifecycle/" },
  { guide: "writing-a-pool.md", name: "lovage-pool-nice", groups: "" },
])("docs/guides/$guide", ({ guide, name, groups }) => {
  let folder: string;
  /** Where a user's app would be: what it installed is in its node_modules. */
  let project: string;

  beforeAll(() => {
    // Inside this package, so that dependencies resolve as they would for a reader who installed them.
    mkdirSync(join(here, ".readme"), { recursive: true });
    project = mkdtempSync(join(here, ".readme", "guide-"));
    folder = join(project, name);
    mkdirSync(join(project, "node_modules"));
    symlinkSync(folder, join(project, "node_modules", name));
    for (const [path, code] of files(guide)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), code);
    }
  });

  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it("compiles, its tests included", () => {
    const tsc = spawnSync(join(bin, "tsc"), ["-p", folder], { encoding: "utf8" });
    expect(tsc.stdout + tsc.stderr).toBe("");
    expect(tsc.status).toBe(0);
  });

  it("passes the kit", async () => {
    const filter = groups === "" ? [] : ["-t", groups];
    const { VITEST: _, VITEST_POOL_ID: __, VITEST_WORKER_ID: ___, ...env } = process.env;
    const vitest = await run(join(bin, "vitest"), ["run", ...filter], { cwd: folder, env, timeout: 170_000 }).catch(
      (error: { stdout: string; stderr: string }) => {
        throw new Error(error.stdout + error.stderr);
      },
    );
    expect(vitest.stdout).toMatch(/Tests .*\d+ passed/);
  }, 180_000);

  if (name === "lovage-pool-nice") {
    it("is found by the kind of pool, and refuses what it does not know", async () => {
      const tsc = spawnSync(join(bin, "tsc"), ["-p", join(folder, "tsconfig.build.json")], { encoding: "utf8" });
      expect(tsc.stdout).toBe("");
      const pool = await openPool({ kind: "nice", size: 3 }, { from: project });
      expect(pool.kind).toBe("nice");
      await pool.close();
      await expect(openPool({ kind: "nice", sise: 3 }, { from: project })).rejects.toThrow("no option sise");
    });
  }
});

it("the guide to brokers shows the package as it is", async () => {
  const spool = join(repository, "apps/custom-broker");
  for (const [path, code] of files("writing-a-broker.md")) {
    if (path === "package.json") continue;
    expect(code, `${path}: copy the file into the guide`).toBe(readFileSync(join(spool, path), "utf8"));
  }
});
