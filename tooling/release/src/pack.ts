import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { command, repository } from "./command.ts";
import type { Manifest } from "./manifest.ts";
import type { SourcePackage } from "./workspace.ts";

/** A package as npm would get it. */
export interface PackedPackage {
  readonly source: SourcePackage;
  readonly tarball: string;
  /** Where the tarball's files are laid out. */
  readonly folder: string;
  /** Paths of its files within `folder`. */
  readonly files: readonly string[];
  /** As published: `pnpm pack` has replaced what means something in a workspace only. */
  readonly manifest: Manifest;
}

interface PackReport {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Packs and unpacks below `directory`. Needs a build. */
export async function pack(sources: readonly SourcePackage[], directory: string): Promise<readonly PackedPackage[]> {
  const tarballs = join(directory, "tarballs");
  const filters = sources.flatMap(({ name }) => ["--filter", name]);
  const output = await command(
    "npx",
    ["-y", "pnpm@12", "-r", ...filters, "pack", "--json", "--pack-destination", tarballs],
    { directory: repository },
  );
  const reports = JSON.parse(output) as readonly PackReport[];
  return Promise.all(
    sources.map(async (source) => {
      const report = reports.find(({ name }) => name === source.name);
      if (report === undefined) throw new Error(`pnpm packed no ${source.name}`);
      const root = join(directory, "unpacked", source.name);
      await mkdir(root, { recursive: true });
      await command("tar", ["-xzf", report.filename, "-C", root], { directory });
      const folder = join(root, "package");
      const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
      return { source, tarball: report.filename, folder, files: report.files.map(({ path }) => path), manifest };
    }),
  );
}
