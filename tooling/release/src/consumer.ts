/** A project of a user, outside the workspace, that installed a part of Lovage with npm. */

import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { command, repository, tool } from "./command.ts";
import type { Manifest } from "./manifest.ts";
import type { PackedPackage } from "./pack.ts";
import type { Subset } from "./subsets.ts";

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Packed from this repository, as against fetched from the registry. */
  readonly ours: boolean;
  readonly manifest: Manifest;
  readonly folder: string;
  readonly bytes: number;
}

const consumers = fileURLToPath(new URL("../consumers/", import.meta.url));

export class Consumer {
  readonly folder: string;
  /** Everything that npm installed for use, the types for compiling left out. */
  readonly tree: readonly InstalledPackage[];

  private constructor(folder: string, tree: readonly InstalledPackage[]) {
    this.folder = folder;
    this.tree = tree;
  }

  /** Makes the project below `directory` and installs into it. Every package of ours comes from its tarball, asked for or brought. */
  static async install(subset: Subset, packed: readonly PackedPackage[], directory: string): Promise<Consumer> {
    const folder = join(directory, "consumers", subset.consumer);
    mkdirSync(folder, { recursive: true });
    cpSync(join(consumers, subset.consumer), folder, { recursive: true });
    const tarballs = packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`] as const);
    const asked = ([name]: readonly [string, string]): boolean => subset.asks.includes(name);
    writeJson(join(folder, "package.json"), {
      name: `consumer-${subset.consumer}`,
      private: true,
      type: "module",
      dependencies: Object.fromEntries(tarballs.filter(asked)),
      devDependencies: { "@types/node": nodeTypes() },
      overrides: Object.fromEntries(tarballs.filter((tarball) => !asked(tarball))),
    });
    await command("npm", ["install", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"], {
      directory: folder,
      timeoutMs: 300_000,
    });
    return new Consumer(folder, installedPackages(folder));
  }

  has(name: string): boolean {
    return this.tree.some((each) => each.name === name);
  }

  /** Runs one of the project's programs. Rejects unless it ends with 0. */
  async node(...args: string[]): Promise<string> {
    return command(process.execPath, args, { directory: this.folder });
  }

  /** Runs a command that the installed packages bring; nothing is fetched. */
  async npx(...args: string[]): Promise<string> {
    return command("npx", ["--no", "--", ...args], { directory: this.folder });
  }

  /** Compiles the project, and every entry point's types with it, without sparing those of libraries. */
  async compile(): Promise<void> {
    writeFileSync(
      join(this.folder, "entry-points.ts"),
      this.entryPoints()
        .map((specifier, index) => `export * as entry${index} from ${JSON.stringify(specifier)};\n`)
        .join(""),
    );
    writeJson(join(this.folder, "tsconfig.json"), {
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        module: "nodenext",
        moduleResolution: "nodenext",
        target: "es2024",
        lib: ["es2024", "esnext.disposable"],
        types: ["node"],
        skipLibCheck: false,
        noEmit: true,
        allowImportingTsExtensions: true,
      },
      include: ["*.ts"],
    });
    await command(tool.root("tsc"), ["-p", this.folder], { directory: this.folder });
  }

  /** Imports every entry point of every package of ours. One that needs an optional peer which is absent must name it, and nothing else. */
  async importAll(): Promise<void> {
    const peers = this.tree.flatMap(({ ours, manifest }) => (ours ? optionalPeers(manifest) : []));
    const absent = peers.filter((name) => !this.has(name));
    writeFileSync(
      join(this.folder, "entry-points.mjs"),
      `const absent = ${JSON.stringify(absent)};
for (const specifier of ${JSON.stringify(this.entryPoints())}) {
  try {
    await import(specifier);
  } catch (error) {
    const excused = absent.some((name) => error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(\`'\${name}'\`));
    if (!excused) throw new Error(\`\${specifier} cannot be imported\`, { cause: error });
  }
}
`,
    );
    await this.node("entry-points.mjs");
  }

  private entryPoints(): readonly string[] {
    return this.tree.flatMap(({ ours, name, manifest }) =>
      ours
        ? Object.keys(manifest.exports ?? {})
            .filter((path) => path !== "./package.json")
            .map((path) => name + path.slice(1))
        : [],
    );
  }
}

function optionalPeers({ peerDependenciesMeta = {} }: Manifest): readonly string[] {
  return Object.keys(peerDependenciesMeta).filter((name) => peerDependenciesMeta[name]?.optional === true);
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly dev?: boolean }>>;
}

function installedPackages(folder: string): readonly InstalledPackage[] {
  const lockfile = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8")) as Lockfile;
  return Object.entries(lockfile.packages)
    .filter(([path, { dev }]) => dev !== true && existsSync(join(folder, path)))
    .map(([path, { resolved }]) => {
      const place = join(folder, path);
      const manifest = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as Manifest;
      const { name, version } = manifest;
      const ours = resolved?.startsWith("file:") === true;
      return { name, version, ours, manifest, folder: place, bytes: sizeOf(place) };
    });
}

/** Bytes of the package's own files, as `ls` counts them; packages nested in it are counted for themselves. */
function sizeOf(folder: string): number {
  return globSync("**/*", { cwd: folder, exclude: (name) => name.split(sep).includes("node_modules") })
    .map((file) => statSync(join(folder, file)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

function nodeTypes(): string {
  const root = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as Manifest;
  const range = root.devDependencies?.["@types/node"];
  if (range === undefined) throw new Error("the repository's root has no @types/node to compile consumers with");
  return range;
}

function writeJson(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
