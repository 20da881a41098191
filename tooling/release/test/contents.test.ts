import { expect, it } from "vitest";
import { contentFaults } from "../src/contents.ts";

const files = ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"];
const faults = (changed: readonly string[]): readonly string[] =>
  contentFaults({ files: changed, allowed: ["dist"], sources: ["src/index.ts"] });

it("finds no fault in a whole tarball", () => {
  expect(faults(files)).toEqual([]);
});

it.each(["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts"])("misses %s", (file) => {
  expect(faults(files.filter((each) => each !== file))).not.toEqual([]);
});

it("refuses what no entry of `files` invited", () => {
  expect(faults([...files, "src/index.ts"])).toEqual(['src/index.ts is in no entry of "files"']);
});

it("refuses what a deleted source left behind", () => {
  expect(faults([...files, "dist/old.js", "dist/old.d.ts"])).toEqual([
    "dist/old.js has no source: remove dist and build again",
    "dist/old.d.ts has no source: remove dist and build again",
  ]);
});

it("refuses build information in dist", () => {
  expect(faults([...files, "dist/index.tsbuildinfo"])).toEqual([
    "dist/index.tsbuildinfo is neither a module nor its types",
  ]);
});

it("lets a changelog pass, once there is one", () => {
  expect(faults([...files, "CHANGELOG.md"])).toEqual([]);
});
