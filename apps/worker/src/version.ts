import { readFileSync } from "node:fs";

let known: string | undefined;

/** Of the package `lovage`. */
export function version(): string {
  if (known === undefined) {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    known = manifest.version;
  }
  return known;
}
