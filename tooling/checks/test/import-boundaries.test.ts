import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** The rule lives in biome.json; here it meets one file per door that must be shut, and per door that must stay open. */
const repository = fileURLToPath(new URL("../../../", import.meta.url));
const biome = join(repository, "node_modules/.bin/biome");

const shut: readonly (readonly [file: string, specifier: string])[] = [
  ["packages/core/src/contracts/broker.ts", "../engine/intake.ts"],
  ["packages/core/src/contracts/broker.ts", "@lovage/core"],
  ["packages/core/src/engine/intake.ts", "@lovage/broker-sqlite"],
  ["packages/core/src/engine/intake.ts", "../../../pool-event/src/event-pool.ts"],
  ["packages/core/src/engine/intake.ts", "lovage"],
  ["packages/core/src/brokers/sender.ts", "@lovage/broker-sqlite"],
  ["packages/core/test/engine.test.ts", "@lovage/pool-event"],
  ["packages/core/test/engine.test.ts", "@lovage/conformance"],
  ["packages/broker-redis/src/redis-broker.ts", "@lovage/core"],
  ["packages/broker-redis/src/redis-broker.ts", "@lovage/core/engine"],
  ["packages/broker-redis/src/redis-broker.ts", "@lovage/core/executors"],
  ["packages/broker-redis/src/redis-broker.ts", "@lovage/core/memory"],
  ["packages/broker-redis/src/redis-broker.ts", "@lovage/broker-sqlite"],
  ["packages/broker-redis/src/redis-broker.ts", "../../core/src/engine/intake.ts"],
  ["packages/broker-redis/src/scripts/claim.ts", "../../../core/dist/index.js"],
  ["packages/broker-redis/src/redis-broker.ts", "../../../tooling/services/src/redis.ts"],
  ["packages/pool-thread/src/thread-pool.ts", "@lovage/core"],
  ["packages/pool-thread/src/thread-pool.ts", "@lovage/core/brokers"],
  ["packages/pool-thread/src/thread-pool.ts", "@lovage/pool-event"],
  ["packages/pool-thread/src/thread-pool.ts", "lovage"],
  ["packages/pool-thread/test/thread-pool.test.ts", "@lovage/broker-sqlite"],
  ["packages/conformance/src/broker-kit.ts", "@lovage/broker-sqlite"],
  ["apps/custom-broker/src/spool-broker.ts", "@lovage/core"],
  ["apps/custom-broker/src/spool-broker.ts", "../../../packages/core/src/memory/index.ts"],
];

const open: readonly (readonly [file: string, specifier: string])[] = [
  ["packages/core/src/contracts/broker.ts", "./delivery.ts"],
  ["packages/core/src/engine/intake.ts", "../contracts/index.ts"],
  ["packages/core/test/engine/intake.test.ts", "../../src/engine/intake.ts"],
  ["packages/broker-redis/src/redis-broker.ts", "@lovage/core/contracts"],
  ["packages/broker-redis/src/redis-broker.ts", "@lovage/core/brokers"],
  ["packages/broker-redis/src/redis-broker.ts", "ioredis"],
  ["packages/broker-redis/test/redis-broker.test.ts", "../src/redis-broker.ts"],
  ["packages/broker-redis/test/conformance.test.ts", "@lovage/conformance"],
  ["packages/pool-thread/src/thread-pool.ts", "@lovage/core/executors"],
  ["packages/pool-thread/test/fixtures/app.ts", "@lovage/core"],
  ["apps/worker/src/adapters.ts", "@lovage/pool-thread"],
  ["apps/custom-broker/src/spool-broker.ts", "@lovage/core/contracts"],
  ["apps/custom-broker/src/spool-broker.ts", "@lovage/core/brokers"],
];

/** The four ways to reach another module, on lines 1 to 4. */
const forms = (specifier: string): string => `import { a } from ${JSON.stringify(specifier)};
import type { B } from ${JSON.stringify(specifier)};
export { c } from ${JSON.stringify(specifier)};
export const d: Promise<B> = import(${JSON.stringify(specifier)}).then(a);
`;

describe("import boundaries", () => {
  let folder: string;
  let refused: Map<string, number[]>;

  /** The file's stand-in: same folder, a name that says which case it is. */
  const place = (file: string, specifier: string): string =>
    join(dirname(file), `case-${[...shut, ...open].findIndex((door) => door[0] === file && door[1] === specifier)}.ts`);

  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "lovage-boundaries-")));
    mkdirSync(join(folder, ".git"));
    for (const file of ["biome.json", ".gitignore"]) cpSync(join(repository, file), join(folder, file));
    for (const [file, specifier] of [...shut, ...open]) {
      const path = join(folder, place(file, specifier));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, forms(specifier));
    }
    const options = ["--only=style/noRestrictedImports", "--reporter=github", "--max-diagnostics=none"];
    const run = spawnSync(biome, ["lint", ...options, "."], { cwd: folder, encoding: "utf8" });
    if (run.error !== undefined) throw run.error;
    expect(run.stderr).not.toContain("configuration");
    refused = new Map();
    for (const [, file = "", line] of run.stdout.matchAll(/noRestrictedImports,file=([^,]+),line=(\d+)/g)) {
      const path = relative(folder, file);
      refused.set(path, [...(refused.get(path) ?? []), Number(line)].sort());
    }
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(shut)("%s must not import %s, in whatever form", (file, specifier) => {
    expect(refused.get(place(file, specifier))).toEqual([1, 2, 3, 4]);
  });

  it.each(open)("%s may import %s", (file, specifier) => {
    expect(refused.get(place(file, specifier))).toBeUndefined();
  });
});
