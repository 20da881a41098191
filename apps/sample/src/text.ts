/** From Markdown to the words that are searched for. Pure and synchronous: this is the work that needs a processor. */

import { stemmer } from "stemmer";

export interface Word {
  /** Normalised and stemmed: what the index holds. */
  readonly term: string;
  /** Where the word begins in the text, for snippets. */
  readonly at: number;
}

const WORDS = new Intl.Segmenter("en", { granularity: "word" });
const LONGEST_WORD = 40;
const LATIN = /^[a-z]+$/;
/** Too common to tell documents apart. */
const STOP_WORDS = new Set(
  "a an and are as at be but by for from has have if in into is it its not of on or s t that the their then there these this to was were which will with you your".split(
    " ",
  ),
);

/** The words of `text` in order, without the commonest. Splits by Unicode's rules, so that text in any script has words. */
export function words(text: string): Word[] {
  const found: Word[] = [];
  for (const { segment, index, isWordLike } of WORDS.segment(text)) {
    if (!isWordLike || segment.length > LONGEST_WORD) continue;
    const term = termOf(segment);
    if (!STOP_WORDS.has(term)) found.push({ term, at: index });
  }
  return found;
}

/** Markdown without its markup, on one line. */
export function plainText(markdown: string): string {
  return markdown
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/<[^>\n]+>|[|*`#~]+|-{3,}/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** The title of a Markdown document: its first heading, else `fallback`. */
export function titleOf(text: string, fallback: string): string {
  const heading = plainText(/^#{1,3} +(.+)$/m.exec(text)?.[1] ?? "");
  return heading === "" ? fallback : heading;
}

function termOf(word: string): string {
  const normal = word
    .normalize("NFKD")
    .replaceAll(/\p{Mark}/gu, "")
    .toLowerCase();
  return LATIN.test(normal) ? stemmer(normal) : normal;
}
