import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findDocuments } from "../src/documents.ts";
import { buildPartialIndex, type PartialIndex } from "../src/partial-index.ts";
import { resemblance, signatureOf } from "../src/resemblance.ts";
import { SearchIndex } from "../src/search-index.ts";
import { snippetOf } from "../src/snippet.ts";
import { plainText, titleOf, words } from "../src/text.ts";

const fixture = fileURLToPath(new URL("fixture", import.meta.url));

async function indexFixture(): Promise<PartialIndex[]> {
  const paths = await findDocuments(fixture, 100);
  return Promise.all(paths.map(async (path) => buildPartialIndex(path, await readFile(`${fixture}/${path}`, "utf8"))));
}

describe("documents", () => {
  it("finds Markdown below the folder, sorted, and nothing else", async () => {
    expect(await findDocuments(fixture, 100)).toEqual([
      "copies/tea-copy.md",
      "kitchen/lovage.md",
      "kitchen/naïve crème.md",
      "kitchen/stock.md",
      "tea.md",
    ]);
  });

  it("stops at the limit", async () => {
    expect(await findDocuments(fixture, 2)).toHaveLength(2);
  });
});

describe("words", () => {
  it("brings forms of one word to one term, without case or accents", () => {
    expect(words("Pools pool POOLING Crème").map((word) => word.term)).toEqual(["pool", "pool", "pool", "creme"]);
  });

  it("leaves out the commonest, and says where the others begin", () => {
    expect(words("the cup of tea")).toEqual([
      { term: "cup", at: 4 },
      { term: "tea", at: 11 },
    ]);
  });

  it("splits scripts that write no spaces", () => {
    expect(words("東京都に住む").length).toBeGreaterThan(1);
  });
});

describe("titleOf", () => {
  it("takes the first heading without its markup", () => {
    expect(titleOf("text\n## [The `pool`](a.md)\n# other", "x.md")).toBe("The pool");
  });

  it("shows no markup", () => {
    expect(plainText("# A *list*\n\n- [one](1.md) | `two`\n<br>")).toBe("A list - one two");
  });

  it("falls back where there is no heading", () => {
    expect(titleOf("plain", "x.md")).toBe("x.md");
  });
});

describe("resemblance", () => {
  const text = Array.from({ length: 300 }, (_, index) => `w${index}`);

  it("is 1 for equal texts and near 0 for different ones", () => {
    expect(resemblance(signatureOf(text), signatureOf([...text]))).toBe(1);
    expect(resemblance(signatureOf(text), signatureOf(text.map((word) => `x${word}`)))).toBeLessThan(0.1);
  });

  it("stays high when a few words change", () => {
    const changed = text.with(150, "changed");
    expect(resemblance(signatureOf(text), signatureOf(changed))).toBeGreaterThan(0.8);
  });
});

describe("search", () => {
  it("ranks the document that says most about the query first", async () => {
    const hits = new SearchIndex(await indexFixture()).search("growing celery", 5);
    expect(hits.map((hit) => hit.document.path)).toEqual(["kitchen/lovage.md", "kitchen/stock.md"]);
  });

  it("folds copies into the original", async () => {
    const hits = new SearchIndex(await indexFixture()).search("brew tea", 5);
    expect(hits.map((hit) => [hit.document.path, hit.copies])).toEqual([["copies/tea-copy.md", ["tea.md"]]]);
  });

  it("finds nothing for words that no document has", async () => {
    expect(new SearchIndex(await indexFixture()).search("zeppelin", 5)).toEqual([]);
  });
});

describe("snippetOf", () => {
  it("shows the stretch with most words of the query and marks them", () => {
    const text = `celery ${"filler ".repeat(60)}the herb of the celery family ${"more ".repeat(60)}`;
    const { text: shown, marks } = snippetOf(text, "celery herbs");
    expect(marks.map(([start, end]) => shown.slice(start, end))).toEqual(["herb", "celery"]);
  });
});
