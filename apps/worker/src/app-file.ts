/** The app as a person names it: a file, perhaps without its ending. */

import { statSync } from "node:fs";
import path from "node:path";
import { loadApp } from "@lovage/core";
import type { AppSource } from "@lovage/core/contracts";

const ENDINGS = ["", ".ts", ".mts", ".js", ".mjs"];

export function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Absolute path of the app's file; the path as given when there is no such file. */
export function findAppFile(given: string, directory: string = process.cwd()): string {
  const base = path.resolve(directory, given);
  return ENDINGS.map((ending) => base + ending).find(isFile) ?? base;
}

export interface LoadedApp {
  readonly source: AppSource;
  /** Folder of the app's file: adapters are looked for from there. */
  readonly folder: string;
}

/** Imports the app. Rejects with `AppLoadError` for a module that is missing, throws, or exports no app (or none of that name). */
export async function openApp(given: string, exportName?: string): Promise<LoadedApp> {
  const file = findAppFile(given);
  return { source: await loadApp(file, exportName), folder: path.dirname(file) };
}
