import { describe, expect, it } from "vitest";
import { adapterFaults, type Manifest, type ManifestFacts, manifestFaults } from "../src/manifest.ts";

const whole: Manifest = {
  name: "@lovage/broker-redis",
  version: "1.2.0",
  description: "A broker",
  license: "MIT",
  keywords: ["queue"],
  engines: { node: ">=22.18" },
  files: ["dist"],
  exports: { ".": "./dist/index.js" },
  repository: { type: "git", url: "https://github.com/lovage-dev/lovage.git", directory: "packages/broker-redis" },
  dependencies: { "@lovage/core": "^1.2.0" },
};
const facts: ManifestFacts = {
  folder: "packages/broker-redis",
  release: new Map([["@lovage/core", "1.2.0"]]),
  tested: (name) => (name === "ioredis" ? "5.8.0" : undefined),
};
const faults = (changes: Partial<Manifest>): readonly string[] => manifestFaults({ ...whole, ...changes }, facts);

describe("package.json of a tarball", () => {
  it("has no fault when it is whole", () => {
    expect(faults({})).toEqual([]);
  });

  it.each(["description", "license", "keywords", "engines", "exports", "files"] as const)("needs %s", (field) => {
    const { [field]: _, ...rest } = whole;
    expect(manifestFaults(rest as Manifest, facts)).toEqual([`package.json has no "${field}"`]);
  });

  it("says where the package's source is", () => {
    expect(faults({ repository: { ...whole.repository, directory: "packages/other" } })).toHaveLength(1);
  });

  it.each(["workspace:^", "file:../core", "link:../core", "catalog:"])(
    "keeps no range of the workspace: %s",
    (range) => {
      expect(faults({ dependencies: { piscina: range } })).toEqual([
        `dependencies asks for piscina@${range}, which no registry understands`,
      ]);
      expect(faults({ devDependencies: { "@lovage/conformance": range } })).toHaveLength(1);
    },
  );

  it("accepts the versions that are released with it", () => {
    expect(faults({ dependencies: { "@lovage/core": "^1.1.0" } })).toEqual([]);
    expect(faults({ dependencies: { "@lovage/core": "^0.1.0" } })).toEqual([
      "asks for @lovage/core@^0.1.0, but this release publishes 1.2.0",
    ]);
  });

  it("asks for nothing of ours that is not published", () => {
    expect(faults({ dependencies: { "@lovage/tsconfig": "^1.0.0" } })).toEqual([
      "asks for @lovage/tsconfig, which is not published",
    ]);
  });

  it("has peers in the range that they are tested with", () => {
    expect(faults({ peerDependencies: { ioredis: ">=5" } })).toEqual([]);
    expect(faults({ peerDependencies: { ioredis: "^4.0.0" } })).toEqual([
      "peer ioredis@^4.0.0 leaves out 5.8.0, the version that it is tested with",
    ]);
    expect(faults({ peerDependencies: { amqplib: "*" } })).toEqual([
      "peer amqplib@* is never tested: it is installed nowhere here",
    ]);
  });

  it("speaks of no peer that it does not have", () => {
    expect(faults({ peerDependenciesMeta: { ioredis: { optional: true } } })).toHaveLength(1);
  });
});

describe("the command's adapters", () => {
  const name = "@lovage/broker-redis";
  const judge = (command: Partial<Manifest>): readonly string[] =>
    adapterFaults({ name: "lovage", version: "1.2.0", ...command }, [name, "@lovage/core", "@lovage/conformance"]);
  const optional = { peerDependenciesMeta: { [name]: { optional: true } } };

  it("are dependencies or optional peers", () => {
    expect(judge({ dependencies: { [name]: "^1.0.0" } })).toEqual([]);
    expect(judge({ peerDependencies: { [name]: "^1.0.0" }, ...optional })).toEqual([]);
  });

  it("are not forgotten, required as peers, or both", () => {
    expect(judge({})).toHaveLength(1);
    expect(judge({ peerDependencies: { [name]: "^1.0.0" } })).toHaveLength(1);
    expect(
      judge({ dependencies: { [name]: "^1.0.0" }, peerDependencies: { [name]: "^1.0.0" }, ...optional }),
    ).toHaveLength(1);
  });
});
