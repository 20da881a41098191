/** Which files are indexed. */

import { opendir } from "node:fs/promises";
import { join, relative, sep } from "node:path";

const MARKDOWN = /\.(md|mdx|markdown)$/i;
/** Folders of tools and of builds: nothing that a person wrote. */
const SKIPPED = new Set([".git", ".cache", ".turbo", "coverage", "dist"]);

/**
 * Markdown files under `root`, dependencies included, as `/`-separated paths relative to it, sorted, at most `limit`. Links are not
 * followed, so that each file of a linked `node_modules` is met once.
 */
export async function findDocuments(root: string, limit: number): Promise<string[]> {
  const found: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) folders.push(path);
      else if (entry.isFile() && MARKDOWN.test(entry.name)) found.push(relative(root, path).replaceAll(sep, "/"));
    }
  }
  return found.sort().slice(0, limit);
}
