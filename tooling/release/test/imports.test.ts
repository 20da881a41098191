import { describe, expect, it } from "vitest";
import { importedPackages, packageOf, undeclaredImports } from "../src/imports.ts";
import type { Manifest } from "../src/manifest.ts";

const found = (path: string, text: string): readonly string[] => [...importedPackages({ path, text })];

describe("imported packages", () => {
  it.each([
    ["import a from 'ioredis';", "ioredis"],
    ["import 'ioredis';", "ioredis"],
    ["import { b } from '@scope/name/deep/path';", "@scope/name"],
    ["export { c } from 'ioredis/built';", "ioredis"],
    ["export * from 'ioredis';", "ioredis"],
    ["export const d = () => import('ioredis');", "ioredis"],
    ["export const e = import.meta.resolve('ioredis');", "ioredis"],
    ["const require = createRequire(here); export const f = require('ioredis');", "ioredis"],
  ])("of a module: %s", (text, name) => {
    expect(found("a.js", text)).toEqual([name]);
  });

  it.each([
    ["import type { A } from 'ioredis';", "ioredis"],
    ["export type { B } from 'ioredis';", "ioredis"],
    ["export declare const c: import('ioredis').Redis;", "ioredis"],
    ["export declare function d(): Promise<import('@scope/name').T[]>;", "@scope/name"],
    ["import e = require('ioredis');", "ioredis"],
    ["declare module 'ioredis' { interface Redis { lovage: true } }", "ioredis"],
    ['/// <reference types="vitest/globals" />', "vitest"],
  ])("of types: %s", (text, name) => {
    expect(found("a.d.ts", text)).toEqual([name]);
  });

  it.each([
    ["a.js", "import 'node:fs'; import 'fs/promises'; import './b.js'; import '../c.js'; import '#inside';"],
    ["a.js", "// import 'ioredis'\nexport const text = `import 'ioredis'`;"],
    ["a.d.ts", "/** Like `import('ioredis')`. */\nexport declare const don_t: 'ioredis';"],
    ["a.d.ts", '/// <reference types="node" />\ndeclare global { interface Window {} }\nexport {};'],
  ])("are none where %s holds: %s", (path, text) => {
    expect(found(path, text)).toEqual([]);
  });

  it("are not guessed at where a module does not parse", () => {
    expect(() => found("a.js", "import {")).toThrow(/a\.js cannot be parsed/);
  });

  it("are named without the path inside them", () => {
    expect(packageOf("a/b")).toBe("a");
    expect(packageOf("@s/a/b/c")).toBe("@s/a");
  });
});

describe("undeclared imports", () => {
  const manifest: Manifest = {
    name: "@lovage/broker-redis",
    version: "1.0.0",
    dependencies: { "@lovage/core": "^1.0.0", "@types/ms": "^2.0.0" },
    peerDependencies: { ioredis: ">=5" },
    peerDependenciesMeta: { ioredis: { optional: true } },
    devDependencies: { vitest: "^5.0.0" },
  };
  const faults = (path: string, text: string): readonly string[] => undeclaredImports(manifest, [{ path, text }]);

  it("are reported by file and package", () => {
    expect(faults("dist/a.js", "import 'semver';")).toEqual([
      "dist/a.js imports semver, which package.json does not declare",
    ]);
  });

  it("include development dependencies: a user has none of them", () => {
    expect(faults("dist/a.js", "import 'vitest';")).toHaveLength(1);
  });

  it("are not dependencies, peers, or the package itself", () => {
    expect(
      faults("dist/a.js", "import '@lovage/core/contracts'; import 'ioredis'; import '@lovage/broker-redis';"),
    ).toEqual([]);
  });

  it("may be declared by their types alone in types, not in modules", () => {
    expect(faults("dist/a.d.ts", "import type { StringValue } from 'ms';")).toEqual([]);
    expect(faults("dist/a.js", "import 'ms';")).toHaveLength(1);
  });
});
