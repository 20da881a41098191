/** Finds a package that is not a dependency of the command: from the app's folder first, then from here. */

import { readFileSync } from "node:fs";
import { createRequire, findPackageJSON } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigurationError, isLovageError } from "@lovage/core/contracts";

type Conditions = string | null | { readonly [condition: string]: Conditions } | readonly Conditions[];

const ACCEPTED = new Set(["import", "node", "module-sync", "default"]);

/** The file behind `"."` for an `import`, as Node's own resolution picks it. */
function importTarget(exports: Conditions | undefined): string | undefined {
  if (typeof exports === "string") return exports;
  if (exports === null || exports === undefined) return undefined;
  if (Array.isArray(exports)) return exports.map(importTarget).find((target) => target !== undefined);
  for (const [condition, value] of Object.entries(exports)) {
    if (condition === "." || ACCEPTED.has(condition)) {
      const target = importTarget(value);
      if (target !== undefined) return target;
    }
  }
  return undefined;
}

/** URL of the package's entry as seen from the folder `from`; undefined when it is not installed there. */
function resolveFrom(name: string, from: string): string | undefined {
  const base = path.join(from, "noop.js");
  try {
    return pathToFileURL(createRequire(base).resolve(name)).href;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "MODULE_NOT_FOUND") return undefined;
    // It has an entry for `import` only, which `require.resolve` does not see.
    if (code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error;
  }
  const manifest = findPackageJSON(name, pathToFileURL(base));
  if (manifest === undefined) return undefined;
  const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as { exports?: Conditions };
  const target = importTarget(exports);
  return target === undefined ? undefined : pathToFileURL(path.join(path.dirname(manifest), target)).href;
}

/** URL of the package's entry as seen from the first of `folders` where it is installed; undefined when it is in none. */
export function findPackage(name: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    const url = resolveFrom(name, folder);
    if (url !== undefined) return url;
  }
  return undefined;
}

/**
 * Imports the package `name`. Rejects with `ConfigurationError`: one line with `missing` when it is installed nowhere, and the cause
 * when it is there and fails to load.
 */
export async function loadPackage(name: string, folders: readonly string[], missing: string): Promise<unknown> {
  const url = findPackage(name, folders);
  if (url === undefined) throw new ConfigurationError(missing);
  try {
    return await import(url);
  } catch (cause) {
    if (isLovageError(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`the package ${name} is installed but cannot be loaded: ${why}`, { cause });
  }
}
