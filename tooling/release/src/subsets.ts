/** The parts of Lovage that people install by themselves, and what each must be able to do. */

import assert from "node:assert/strict";
import type { Consumer } from "./consumer.ts";

export interface Subset {
  readonly title: string;
  /** The folder in `consumers/` that uses it. */
  readonly consumer: string;
  /** What a user asks npm for. */
  readonly asks: readonly string[];
  /** Every package of ours that this brings, no other. */
  readonly brings: readonly string[];
  /** Every library that those ask for, no other: a line more is a decision, not an accident. What libraries bring is theirs. */
  readonly libraries: readonly string[];
  /** Our part may take this much unpacked, in KiB: about half as much again as when it was last looked at. */
  readonly mostKiB: number;
  /** Resolves when the part has done its work. */
  use(consumer: Consumer): Promise<void>;
}

const coreLibraries = ["@standard-schema/spec", "ms"];

export const subsets: readonly Subset[] = [
  {
    title: "A producer: core and one broker",
    consumer: "producer",
    asks: ["@lovage/core", "@lovage/broker-sqlite"],
    brings: ["@lovage/core", "@lovage/broker-sqlite"],
    libraries: coreLibraries,
    mostKiB: 1_200,
    async use(consumer) {
      await consumer.node("producer.ts");
      await consumer.node("stored.ts");
    },
  },
  {
    title: "A composed worker: core, a broker and a pool",
    consumer: "worker",
    asks: ["@lovage/core", "@lovage/broker-sqlite", "@lovage/pool-event"],
    brings: ["@lovage/core", "@lovage/broker-sqlite", "@lovage/pool-event"],
    libraries: coreLibraries,
    mostKiB: 1_200,
    async use(consumer) {
      await consumer.node("main.ts");
    },
  },
  {
    title: "The command: `lovage` alone",
    consumer: "command",
    asks: ["lovage"],
    brings: [
      "@lovage/broker-sqlite",
      "@lovage/core",
      "@lovage/pool-event",
      "@lovage/pool-process",
      "@lovage/pool-solo",
      "@lovage/pool-thread",
      "lovage",
    ],
    libraries: [...coreLibraries, "cli-table3", "commander", "piscina", "prom-client"],
    mostKiB: 1_650,
    async use(consumer) {
      const call = async (...args: string[]): Promise<string> =>
        (await consumer.npx("lovage", "call", "app.ts", ...args)).trim();
      const counted = await call("text.count", '["to be or not to be"]');
      const greeted = await call("people.greet", '["Ann"]');
      await consumer.npx("lovage", "worker", "app.ts", "--drain");
      assert.deepEqual(JSON.parse(await consumer.npx("lovage", "result", counted)), 6);
      assert.deepEqual(JSON.parse(await consumer.npx("lovage", "result", greeted)), "hello, Ann");
      await assert.rejects(consumer.npx("lovage", "conform", "app.ts"), /npm install -D @lovage\/conformance/);
    },
  },
  {
    title: "An adapter's author: core and the conformance kit, without vitest",
    consumer: "conformance",
    asks: ["@lovage/core", "@lovage/conformance"],
    brings: ["@lovage/core", "@lovage/conformance"],
    libraries: coreLibraries,
    mostKiB: 1_500,
    async use(consumer) {
      assert.equal(consumer.has("vitest"), false, "vitest came along, though it is an optional peer");
      await consumer.node("kit.ts");
    },
  },
];
