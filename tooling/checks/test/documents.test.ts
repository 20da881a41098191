import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** A number cited in a comment and a link in a document must lead somewhere, or nobody can follow the reason behind the code. */
const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** Files under version control, and those about to be. */
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: repository,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(repository, file)));

const read = (file: string): string => readFileSync(join(repository, file), "utf8");
const documents = files.filter((file) => file.endsWith(".md") && !file.startsWith(".changeset/"));
const sources = files.filter((file) => /\.(?:ts|mts|js|mjs|md)$/.test(file));

/** As GitHub makes them: headings in lower case with dashes, and explicit `<a id>`. */
function anchors(markdown: string): Set<string> {
  const found = new Set<string>();
  for (const [, id = ""] of markdown.matchAll(/<a id="([^"]+)">/g)) found.add(id);
  for (const [, heading = ""] of markdown.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} +(.+)$/gm)) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    found.add(
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    );
  }
  return found;
}

function brokenLinks(document: string): string[] {
  const prose = read(document)
    .replaceAll(/^```[\s\S]*?^```/gm, "")
    .replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", fragment] = target.split("#");
    const file = path === "" ? document : normalize(join(dirname(document), path));
    if (!existsSync(join(repository, file))) return [target];
    if (fragment === undefined || statSync(join(repository, file)).isDirectory()) return [];
    return anchors(read(file)).has(fragment) ? [] : [target];
  });
}

function citations(pattern: RegExp): Map<string, string[]> {
  const cited = new Map<string, string[]>();
  for (const file of sources) {
    for (const [, number = ""] of read(file).matchAll(pattern)) {
      cited.set(number, [...new Set([...(cited.get(number) ?? []), file])]);
    }
  }
  return cited;
}

describe("documents", () => {
  it.each(documents)("every link of %s leads somewhere", (document) => {
    expect(brokenLinks(document)).toEqual([]);
  });

  it("every invariant cited anywhere is written down, and all sixty are", () => {
    const written = anchors(read("docs/design/invariants.md"));
    const missing = [...citations(/\b[Ii]-(\d+)\b(?!…)/g)].filter(([number]) => !written.has(`i-${number}`));
    expect(missing).toEqual([]);
    expect([...written].filter((anchor) => /^i-\d+$/.test(anchor))).toHaveLength(60);
  });

  it("every decision cited anywhere exists", () => {
    const existing = globSync("docs/adr/0*.md", { cwd: repository }).map((file) => Number(file.slice(9, 13)));
    const missing = [...citations(/\bADR[ -](\d+)\b/g)].filter(([number]) => !existing.includes(Number(number)));
    expect(missing).toEqual([]);
  });

  it("every test that is named as a proof exists under that name", () => {
    const cells = read("docs/design/complaints.md").matchAll(/\]\(([^)]+\.ts)\): ((?:“[^”]+”(?:, )?)+)/g);
    const missing = [...cells].flatMap(([, path = "", names = ""]) => {
      const tests = read(normalize(join("docs/design", path)));
      return [...names.matchAll(/“([^”]+)”/g)]
        .filter(([, name = ""]) => !tests.includes(`"${name}"`))
        .map(([name]) => name);
    });
    expect(missing).toEqual([]);
  });

  it("CI runs the test command of the README", () => {
    const command = /^exec (.+) <\/dev\/null$/m.exec(read(".ci/run"))?.[1];
    expect(read("README.md")).toMatch(new RegExp(`^${command}\\b`, "m"));
  });

  it("the index of decisions lists each of them under its own title", () => {
    const index = read("docs/adr/README.md");
    for (const file of globSync("docs/adr/0*.md", { cwd: repository })) {
      const [, number = "", title = ""] = /^# (\d+)\. (.+)$/m.exec(read(file)) ?? [];
      expect(file).toContain(`/${number.padStart(4, "0")}-`);
      expect(index).toContain(`| ${number} | [${title}](${file.slice("docs/adr/".length)}) |`);
    }
  });
});
