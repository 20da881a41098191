import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";

const home = fileURLToPath(new URL("..", import.meta.url));
const readme = await readFile(join(home, "README.md"), "utf8");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

/** Each block names its file in the first line; they import each other by these names. */
const snippets = [...readme.matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs)].map(
  ([, name, code]) => [name, code] as [string, string],
);

/** A folder within the package, so that `@lovage/core` means this very package, as built. */
async function written(): Promise<string> {
  const folder = await mkdtemp(join(home, "test/.readme-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, code] of snippets) await writeFile(join(folder, name), code);
  return folder;
}

describe("the README", () => {
  it("names the file of every piece of code", () => {
    expect(snippets.length).toBe(readme.match(/```ts$/gm)?.length);
    expect(snippets.length).toBeGreaterThan(6);
  });

  it("has code that compiles", async () => {
    const folder = await written();
    const config = { extends: "../../tsconfig.json", include: ["*.ts"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe("");
  }, 60_000);

  it("has code that does what it says", async () => {
    const folder = await written();
    const { thumbnail } = (await import(join(folder, "tasks.ts"))) as { thumbnail: (path: string) => string };
    expect(thumbnail("a.png")).toBe("a.png@64");
    const run = (name: string) => promisify(execFile)(process.execPath, [join(folder, name)]);
    await run("producer.ts");
    await run("web.ts");
    await run("tuned.ts");
    await run("tasks.test.ts");
  }, 60_000);

  it("lists every code that an error of Lovage can have", async () => {
    const listed = new Set(
      [...readme.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap(([, codes]) => codes?.match(/[A-Z_]+/g) ?? []),
    );
    const sources = (await readdir(join(home, "src"), { recursive: true })).filter((name) => name.endsWith(".ts"));
    const thrown = new Set<string>();
    for (const name of sources) {
      const text = await readFile(join(home, "src", name), "utf8");
      const codes = text.matchAll(
        /(?:super\(|LovageError\(|Base\(|loadError\(|code: |code \?\? )\s*"([A-Z]+(?:_[A-Z]+)*)"/g,
      );
      for (const [, code] of codes) if (!code?.startsWith("ERR_")) thrown.add(code as string);
    }
    expect(thrown.size).toBeGreaterThan(30);
    expect([...thrown].filter((code) => !listed.has(code))).toEqual([]);
    expect([...listed].filter((code) => !thrown.has(code))).toEqual([]);
  });
});
