/** What must hold of the package.json that a tarball carries, as far as it can be told without installing it. */

import semver from "semver";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly description?: string;
  readonly license?: string;
  readonly keywords?: readonly string[];
  readonly type?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly repository?: { readonly type?: string; readonly url?: string; readonly directory?: string };
  readonly bin?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The fields whose packages are there, or are asked for, where the package is installed. */
const AT_RUN_TIME = ["dependencies", "optionalDependencies", "peerDependencies"] as const;
const REPOSITORY = "https://github.com/lovage-dev/lovage.git";

export function declared(manifest: Manifest): ReadonlyMap<string, string> {
  return new Map(AT_RUN_TIME.flatMap((field) => Object.entries(manifest[field] ?? {})));
}

export interface ManifestFacts {
  /** Where the package's source is, from the repository's root. */
  readonly folder: string;
  /** Everything that this release publishes, by name: the version. */
  readonly release: ReadonlyMap<string, string>;
  /** The version of a package that this repository runs its tests with; undefined where it has none. */
  tested(name: string): string | undefined;
}

export function manifestFaults(manifest: Manifest, facts: ManifestFacts): readonly string[] {
  return [
    ...described(manifest, facts.folder),
    ...published(manifest),
    ...rangesOfOurs(manifest, facts.release),
    ...peers(manifest, facts),
  ];
}

function described(manifest: Manifest, folder: string): string[] {
  const faults = (["description", "license", "keywords", "engines", "exports", "files"] as const)
    .filter((field) => manifest[field] === undefined)
    .map((field) => `package.json has no "${field}"`);
  const { type, url, directory } = manifest.repository ?? {};
  if (type !== "git" || url !== REPOSITORY || directory !== folder) {
    const right = JSON.stringify({ type: "git", url: REPOSITORY, directory: folder });
    faults.push(`"repository" is ${JSON.stringify(manifest.repository)}; it should be ${right}`);
  }
  return faults;
}

/** Protocols that mean something in this workspace only. devDependencies are published too, though nobody installs them. */
function published(manifest: Manifest): string[] {
  return [...AT_RUN_TIME, "devDependencies" as const].flatMap((field) =>
    Object.entries(manifest[field] ?? {})
      .filter(([, range]) => semver.validRange(range) === null)
      .map(([name, range]) => `${field} asks for ${name}@${range}, which no registry understands`),
  );
}

function rangesOfOurs(manifest: Manifest, release: ReadonlyMap<string, string>): string[] {
  return [...declared(manifest)].flatMap(([name, range]) => {
    const version = release.get(name);
    if (version === undefined) {
      return /^(@lovage\/|lovage$)/.test(name) ? [`asks for ${name}, which is not published`] : [];
    }
    if (semver.satisfies(version, range)) return [];
    return [`asks for ${name}@${range}, but this release publishes ${version}`];
  });
}

function peers(manifest: Manifest, facts: ManifestFacts): string[] {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const unknown = Object.keys(peerDependenciesMeta)
    .filter((name) => peerDependencies[name] === undefined)
    .map((name) => `peerDependenciesMeta speaks of ${name}, which is no peer`);
  const untested = Object.entries(peerDependencies).flatMap(([name, range]) => {
    if (facts.release.has(name)) return [];
    const version = facts.tested(name);
    if (version === undefined) return [`peer ${name}@${range} is never tested: it is installed nowhere here`];
    if (semver.satisfies(version, range)) return [];
    return [`peer ${name}@${range} leaves out ${version}, the version that it is tested with`];
  });
  return [...unknown, ...untested];
}

/** Adapters of ours that the command knows by name are its own dependencies, or peers that a user may leave out. */
export function adapterFaults(command: Manifest, release: Iterable<string>): readonly string[] {
  return [...release]
    .filter((name) => /^@lovage\/(broker|pool)-/.test(name))
    .flatMap((name) => {
      const depends = command.dependencies?.[name] !== undefined;
      const peer = command.peerDependencies?.[name] !== undefined;
      const optional = command.peerDependenciesMeta?.[name]?.optional === true;
      if (depends !== peer && (depends || optional)) return [];
      return [`${name} should be a dependency of ${command.name} or an optional peer, and not both`];
    });
}
