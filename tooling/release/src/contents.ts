/** What must hold of the list of files in a tarball. Paths are from the package's root: `dist/index.js`. */

const ALWAYS = ["package.json", "README.md", "LICENSE"];
/** Written by changesets from the second release on. */
const SOMETIMES = ["CHANGELOG.md"];

export interface Contents {
  readonly files: readonly string[];
  /** The `files` field of package.json. */
  readonly allowed: readonly string[];
  /** Sources of the package: `src/index.ts`. */
  readonly sources: readonly string[];
}

export function contentFaults({ files, allowed, sources }: Contents): readonly string[] {
  const has = new Set(files);
  const hasSource = new Set(sources);
  const missing = ALWAYS.filter((file) => !has.has(file)).map((file) => `${file} is missing`);
  const uninvited = files
    .filter(
      (file) =>
        ![...ALWAYS, ...SOMETIMES].includes(file) &&
        !allowed.some((entry) => file === entry || file.startsWith(`${entry}/`)),
    )
    .map((file) => `${file} is in no entry of "files"`);
  const faults = files
    .filter((file) => file.startsWith("dist/"))
    .flatMap((file) => {
      const module = /^dist\/(.+?)(\.d)?\.(?:js|ts)$/.exec(file);
      if (module === null) return [`${file} is neither a module nor its types`];
      const [, path = "", types] = module;
      // What a deleted source left behind would be published for ever: tsc never removes anything.
      if (!hasSource.has(`src/${path}.ts`)) return [`${file} has no source: remove dist and build again`];
      const twin = types === undefined ? `dist/${path}.d.ts` : `dist/${path}.js`;
      return has.has(twin) ? [] : [`${file} is there without ${twin}`];
    });
  const unbuilt = sources
    .map((source) => source.replace(/^src\//, "dist/").replace(/\.ts$/, ".js"))
    .filter((file) => !has.has(file))
    .map((file) => `${file} is missing: build first`);
  return [...missing, ...uninvited, ...faults, ...unbuilt];
}
