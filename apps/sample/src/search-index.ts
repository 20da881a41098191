/** The merged index: which documents hold a term, ranked by Okapi BM25 (Robertson and others, TREC-3, 1994). */

import type { PartialIndex } from "./partial-index.ts";
import { resemblance } from "./resemblance.ts";
import { words } from "./text.ts";

export interface Hit {
  readonly document: PartialIndex;
  readonly score: number;
  /** Paths of lower-ranked documents that say nearly the same. */
  readonly copies: readonly string[];
}

/** How soon a further occurrence of a term in one document stops counting. */
const SATURATION = 1.2;
/** How far long documents are held back. */
const LENGTH_WEIGHT = 0.75;
/** From here on, two documents count as copies of each other. */
const COPY = 0.7;

export class SearchIndex {
  readonly documents: readonly PartialIndex[];
  readonly #postings = new Map<string, { readonly document: PartialIndex; readonly count: number }[]>();
  readonly #meanLength: number;

  constructor(parts: Iterable<PartialIndex>) {
    this.documents = [...parts].sort((one, other) => (one.path < other.path ? -1 : 1));
    let length = 0;
    for (const document of this.documents) {
      length += document.length;
      for (const [term, count] of Object.entries(document.terms)) {
        const postings = this.#postings.get(term);
        if (postings === undefined) this.#postings.set(term, [{ document, count }]);
        else postings.push({ document, count });
      }
    }
    this.#meanLength = length / Math.max(1, this.documents.length);
  }

  /** Number of distinct terms. */
  get terms(): number {
    return this.#postings.size;
  }

  /** The best `limit` documents for any of the words of `query`; near copies of a better one are folded into it. */
  search(query: string, limit: number): Hit[] {
    const scores = new Map<PartialIndex, number>();
    for (const term of new Set(words(query).map((word) => word.term))) {
      const postings = this.#postings.get(term) ?? [];
      const rarity = Math.log(1 + (this.documents.length - postings.length + 0.5) / (postings.length + 0.5));
      for (const { document, count } of postings) {
        const stretch = 1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * document.length) / this.#meanLength;
        const weight = (count * (SATURATION + 1)) / (count + SATURATION * stretch);
        scores.set(document, (scores.get(document) ?? 0) + rarity * weight);
      }
    }
    return foldCopies([...scores].sort(byScoreThenPath), limit);
  }
}

function byScoreThenPath(one: [PartialIndex, number], other: [PartialIndex, number]): number {
  return other[1] - one[1] || (one[0].path < other[0].path ? -1 : 1);
}

function foldCopies(ranked: readonly [PartialIndex, number][], limit: number): Hit[] {
  const hits: { document: PartialIndex; score: number; copies: string[] }[] = [];
  for (const [document, score] of ranked) {
    const original = hits.find((hit) => resemblance(hit.document.signature, document.signature) >= COPY);
    if (original !== undefined) original.copies.push(document.path);
    else if (hits.length < limit) hits.push({ document, score, copies: [] });
  }
  return hits;
}
