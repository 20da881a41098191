/** What a user would get from npm, package by package: the packed files, package.json, imports, exports and types. */

import { existsSync, globSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { CommandFailedError, command, repository, tool } from "./command.ts";
import { contentFaults } from "./contents.ts";
import { undeclaredImports } from "./imports.ts";
import { adapterFaults, type Manifest, manifestFaults } from "./manifest.ts";
import type { PackedPackage } from "./pack.ts";

/** The faults of one package; none when it can be published. */
export async function packageFaults(packed: PackedPackage, all: readonly PackedPackage[]): Promise<readonly string[]> {
  const { manifest, source, files, folder } = packed;
  const release = new Map(all.map((each) => [each.manifest.name, each.manifest.version]));
  const modules = files.filter((file) => /\.[cm]?[jt]s$/.test(file));
  return [
    ...manifestFaults(manifest, {
      folder: source.folder,
      release,
      tested: (name) => testedVersion(source.folder, name),
    }),
    ...(manifest.name === "lovage" ? adapterFaults(manifest, release.keys()) : []),
    ...contentFaults({ files, allowed: manifest.files ?? [], sources: sourcesOf(source.folder) }),
    ...undeclaredImports(
      manifest,
      modules.map((path) => ({ path, text: readFileSync(join(folder, path), "utf8") })),
    ),
    ...(await exportFaults(packed)),
    ...(await typeFaults(packed)),
  ];
}

async function exportFaults({ tarball }: PackedPackage): Promise<string[]> {
  const archive = await readFile(tarball);
  const { messages, pkg } = await publint({
    pack: { tarball: archive.buffer.slice(archive.byteOffset, archive.byteOffset + archive.byteLength) },
    strict: true,
    level: "warning",
  });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`);
}

async function typeFaults({ tarball, folder }: PackedPackage): Promise<string[]> {
  try {
    // ESM only: that `require` and pre-2021 resolvers find nothing is the intent, not a finding.
    await command(tool.here("attw"), [tarball, "--profile", "esm-only", "--no-color", "--format", "ascii"], {
      directory: folder,
    });
    return [];
  } catch (error) {
    if (!(error instanceof CommandFailedError)) throw error;
    return [`attw: ${error.said.trim()}`];
  }
}

function sourcesOf(folder: string): readonly string[] {
  return globSync("src/**/*.ts", { cwd: join(repository, folder) });
}

function testedVersion(folder: string, name: string): string | undefined {
  const file = createRequire(join(repository, folder, "package.json"))
    .resolve.paths(name)
    ?.map((place) => join(place, name, "package.json"))
    .find((path) => existsSync(path));
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, "utf8")) as Manifest).version;
}
