/** What indexing one document yields: enough to answer queries once all of them are merged. */

import { createHash } from "node:crypto";
import { brotliCompressSync, constants } from "node:zlib";
import { signatureOf } from "./resemblance.ts";
import { titleOf, words } from "./text.ts";

export interface PartialIndex {
  /** Path of the document, relative to the folder that is indexed. */
  readonly path: string;
  readonly title: string;
  readonly bytes: number;
  /** Size when packed for serving: brotli at its highest level. */
  readonly packedBytes: number;
  /** SHA-256 of the text. */
  readonly digest: string;
  readonly signature: readonly number[];
  /** Number of words. */
  readonly length: number;
  /** How often each term occurs. */
  readonly terms: Readonly<Record<string, number>>;
}

export function buildPartialIndex(path: string, text: string): PartialIndex {
  const found = words(text);
  const counts = new Map<string, number>();
  for (const { term } of found) counts.set(term, (counts.get(term) ?? 0) + 1);
  const bytes = Buffer.from(text);
  return {
    path,
    title: titleOf(text, path),
    bytes: bytes.length,
    packedBytes: brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT, [constants.BROTLI_PARAM_QUALITY]: 11 },
    }).length,
    digest: createHash("sha256").update(bytes).digest("hex"),
    signature: signatureOf(found.map(({ term }) => term)),
    length: found.length,
    terms: Object.fromEntries(counts),
  };
}
