/** Finds the app in a module, for the engine and for executors. Part of what every executor imports. */

import { statSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { AppLoadError, errorData } from "../contracts/errors.ts";
import type { AppSource } from "../contracts/pool.ts";
import { APP_BRAND, APP_CONTRACT_VERSION, type AppDefinition } from "../contracts/task.ts";

/**
 * Imports a module by `file:` URL or by path (from the working directory) and takes its app: the export of that name, else the default
 * export, else the only export that is one. Rejects with `AppLoadError`; `subject.file` names the file, and the code is one of
 *
 * - `APP_NOT_FOUND`: there is no such file;
 * - `APP_IMPORT`: the module threw, or something that it imports is missing or does not parse (`cause` is that error);
 * - `APP_NOT_EXPORTED`: it exports no app, or not under that name; the message lists what it exports;
 * - `APP_AMBIGUOUS`: it exports several and none is the default;
 * - `APP_VERSION`: its app was made by a core whose contract is another.
 */
export async function loadApp(urlOrPath: string, exportName?: string): Promise<AppSource> {
  const file = fileOf(urlOrPath);
  const shown = shownPath(file);
  if (!isFile(file)) {
    throw loadError("APP_NOT_FOUND", `there is no file ${shown}; give the module that exports createApp(…)`, file);
  }
  const url = pathToFileURL(file).href;
  const exports = await importModule(url, file, shown);
  const found = chosen(exports, exportName, file, shown);
  const { value } = found;
  const version = value[APP_BRAND];
  if (version !== APP_CONTRACT_VERSION) {
    throw loadError(
      "APP_VERSION",
      `the app in ${shown} was made by a @lovage/core of contract version ${version}, this worker's is ${APP_CONTRACT_VERSION}; install matching versions`,
      file,
    );
  }
  return { url, exportName: found.name, definition: value };
}

interface Found {
  readonly name: string;
  readonly value: AppDefinition;
}

function chosen(exports: Record<string, unknown>, wanted: string | undefined, file: string, shown: string): Found {
  const apps = Object.entries(exports).filter((entry): entry is [string, AppDefinition] => isApp(entry[1]));
  const found = wanted === undefined ? (apps.find(([name]) => name === "default") ?? only(apps)) : named(apps, wanted);
  if (found !== undefined) return { name: found[0], value: found[1] };
  if (wanted === undefined && apps.length > 1) {
    const names = apps
      .map(([name]) => name)
      .sort()
      .join(", ");
    throw loadError(
      "APP_AMBIGUOUS",
      `${shown} exports several apps (${names}); make one the default export or name it`,
      file,
    );
  }
  const names = Object.keys(exports).sort();
  const listed = names.length === 0 ? "it exports nothing" : `it exports: ${names.slice(0, 20).join(", ")}`;
  const what = wanted === undefined ? "no app" : `no app named "${wanted}"`;
  throw loadError(
    "APP_NOT_EXPORTED",
    `${shown} exports ${what} (${listed}); add: export default createApp({ tasks: […] })`,
    file,
  );
}

function named(apps: readonly [string, AppDefinition][], wanted: string): [string, AppDefinition] | undefined {
  return apps.find(([name]) => name === wanted);
}

/** Several names of one app count once. */
function only(apps: readonly [string, AppDefinition][]): [string, AppDefinition] | undefined {
  return new Set(apps.map(([, app]) => app)).size === 1 ? apps[0] : undefined;
}

/** The module's exports; a CommonJS module compiled from `export default` counts as one with that default. */
async function importModule(url: string, file: string, shown: string): Promise<Record<string, unknown>> {
  let exports: Record<string, unknown>;
  try {
    exports = { ...((await import(url)) as Record<string, unknown>) };
  } catch (cause) {
    const { name, message, stack } = errorData(cause);
    const at = firstOwnLine(stack ?? "");
    const where = at === undefined ? "" : ` (${at})`;
    throw loadError("APP_IMPORT", `${shown} could not be imported: ${name}: ${message}${where}`, file, cause);
  }
  const inner = (exports.default as { default?: unknown } | null | undefined)?.default;
  return isApp(inner) && !isApp(exports.default) ? { ...exports, default: inner } : exports;
}

/** Where in the user's code it went wrong: a stack's first frame outside Node, or the place that heads a syntax error's stack. */
function firstOwnLine(stack: string): string | undefined {
  const lines = stack.split("\n");
  const frame = lines.find((line) => /^\s+at /.test(line) && !line.includes("node:internal"));
  return frame?.trim() ?? lines.find((line) => /^(file:|\/|[A-Za-z]:\\).*:\d+$/.test(line));
}

function isApp(value: unknown): value is AppDefinition {
  return typeof value === "object" && value !== null && APP_BRAND in value;
}

function fileOf(urlOrPath: string): string {
  return urlOrPath.startsWith("file:") ? fileURLToPath(urlOrPath) : resolve(urlOrPath);
}

/** Synchronous on purpose: an executor's start must not wait for libuv's threads, which tasks may fill. */
function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

function shownPath(file: string): string {
  const short = relative(process.cwd(), file);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? file : short;
}

function loadError(code: string, message: string, file: string, cause?: unknown): AppLoadError {
  return new AppLoadError(message, { code, subject: { file }, ...(cause === undefined ? {} : { cause }) });
}
