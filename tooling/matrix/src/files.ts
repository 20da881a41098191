import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { invariantsPage, readInvariants } from "./invariants.ts";
import { page } from "./page.ts";
import type { Entry } from "./record.ts";

export const REPOSITORY: string = fileURLToPath(new URL("../../../", import.meta.url));
const PAGE = new URL("../../../docs/capability-matrix.md", import.meta.url);
const INVARIANTS = new URL("../../../docs/design/invariants-shown.md", import.meta.url);
const RECORD = new URL("../../../docs/capability-matrix.json", import.meta.url);

/** What was recorded last; nothing before the first time. */
export async function readRecord(): Promise<readonly Entry[]> {
  try {
    return JSON.parse(await readFile(RECORD, "utf8")) as readonly Entry[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export function readPage(): Promise<string> {
  return readFile(PAGE, "utf8");
}

export function readInvariantsPage(): Promise<string> {
  return readFile(INVARIANTS, "utf8");
}

export async function write(entries: readonly Entry[]): Promise<void> {
  await writeFile(RECORD, `${JSON.stringify(entries, undefined, 2)}\n`);
  await writeFile(PAGE, page(entries));
  await writeFile(INVARIANTS, invariantsPage(readInvariants()));
}
