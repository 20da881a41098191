/** The stretch of a document that answers a query best. */

import { plainText, words } from "./text.ts";

export interface Snippet {
  readonly text: string;
  /** Where words of the query stand in `text`: `[start, end)`. */
  readonly marks: readonly (readonly [number, number])[];
}

/** About `width` characters of a Markdown text, without markup, with as many different words of `query` as possible. */
export function snippetOf(markdown: string, query: string, width = 160): Snippet {
  const text = plainText(markdown);
  const wanted = new Set(words(query).map((word) => word.term));
  const found = words(text).filter((word) => wanted.has(word.term));
  const start = wordStart(text, Math.max(0, bestStart(found, width) - Math.floor(width / 8)));
  const cut = text.slice(start, start + width);
  const marks = words(cut)
    .filter((word) => wanted.has(word.term))
    .map((word) => [word.at, word.at + (/^[\p{L}\p{N}]+/u.exec(cut.slice(word.at))?.[0].length ?? 1)] as const);
  return { text: cut, marks };
}

function bestStart(found: readonly { readonly term: string; readonly at: number }[], width: number): number {
  let best = { at: found[0]?.at ?? 0, different: 0 };
  for (const [index, { at }] of found.entries()) {
    const terms = new Set<string>();
    for (let next = index; next < found.length; next++) {
      const word = found[next] as (typeof found)[number];
      if (word.at >= at + width * 0.8) break;
      terms.add(word.term);
    }
    if (terms.size > best.different) best = { at, different: terms.size };
  }
  return best.at;
}

function wordStart(text: string, at: number): number {
  const space = text.slice(at).search(/\s/);
  return at === 0 || space < 0 || space > 30 ? at : at + space + 1;
}
