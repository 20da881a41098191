import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { repository } from "./command.ts";
import type { Manifest } from "./manifest.ts";

export interface SourcePackage {
  readonly name: string;
  /** From the repository's root: `packages/core`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Every package that is not private: what a release publishes. */
export function publishable(): readonly SourcePackage[] {
  return globSync(["packages/*/package.json", "apps/*/package.json"], { cwd: repository })
    .sort()
    .map((file) => {
      const manifest = JSON.parse(readFileSync(join(repository, file), "utf8")) as Manifest;
      return { name: manifest.name, folder: dirname(file), manifest };
    })
    .filter(({ manifest }) => manifest.private !== true);
}
