/** The adapters of this repository, where each runs its kits, and what it says of itself now. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { natsBroker } from "@lovage/broker-nats";
import { rabbitMqBroker } from "@lovage/broker-rabbitmq";
import { redisBroker } from "@lovage/broker-redis";
import { sqliteBroker } from "@lovage/broker-sqlite";
import type { Broker, Pool } from "@lovage/core/contracts";
import { memoryBroker } from "@lovage/core/memory";
import { eventPool } from "@lovage/pool-event";
import { processPool } from "@lovage/pool-process";
import { soloPool } from "@lovage/pool-solo";
import { threadPool } from "@lovage/pool-thread";
import { startNats, startRabbitMq, startRedis } from "@lovage/services";
import { spoolBroker } from "lovage-broker-spool";

export interface Adapter {
  /** Where its package is, from the repository's root. */
  readonly folder: string;
  /** The test file, from there. */
  readonly test: string;
  /** What its brokers and pools can do, by the name under which they run their kit. */
  capabilities(): Promise<Readonly<Record<string, object>>>;
}

const conformance = "test/conformance.test.ts";

export const ADAPTERS: readonly Adapter[] = [
  {
    folder: "packages/conformance",
    test: "test/memory.test.ts",
    capabilities: async () => ({ memory: await ofBroker(() => memoryBroker()) }),
  },
  {
    folder: "packages/broker-sqlite",
    test: conformance,
    capabilities: async () => ({
      sqlite: await ofBroker((folder) => sqliteBroker({ path: join(folder, "lovage.db"), placement: "loop" })),
    }),
  },
  {
    folder: "packages/broker-nats",
    test: conformance,
    capabilities: async () => {
      await using server = await startNats();
      return { nats: await ofBroker(() => natsBroker({ servers: server.url })) };
    },
  },
  {
    folder: "packages/broker-redis",
    test: conformance,
    capabilities: async () => {
      await using server = await startRedis();
      return { redis: await ofBroker(() => redisBroker(server.url)) };
    },
  },
  {
    folder: "packages/broker-rabbitmq",
    test: conformance,
    capabilities: async () => {
      await using server = await startRabbitMq();
      return { rabbitmq: await ofBroker(() => rabbitMqBroker(server.url)) };
    },
  },
  {
    folder: "apps/custom-broker",
    test: conformance,
    capabilities: async () => ({ spool: await ofBroker((folder) => spoolBroker({ folder })) }),
  },
  {
    folder: "packages/pool-solo",
    test: conformance,
    capabilities: async () => ({
      "solo pool": await ofPool(soloPool()),
      "solo pool, inline": await ofPool(soloPool({ inline: true })),
    }),
  },
  {
    folder: "packages/pool-event",
    test: conformance,
    capabilities: async () => ({
      "event pool": await ofPool(eventPool()),
      "event pool, loops in processes": await ofPool(eventPool({ isolation: "process" })),
      "event pool, inline": await ofPool(eventPool({ inline: true })),
    }),
  },
  {
    folder: "packages/pool-thread",
    test: conformance,
    capabilities: async () => ({ "thread pool": await ofPool(threadPool()) }),
  },
  {
    folder: "packages/pool-process",
    test: conformance,
    capabilities: async () => ({ "process pool": await ofPool(processPool()) }),
  },
];

/** A broker's capabilities are known once it is connected. */
async function ofBroker(create: (folder: string) => Broker): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), "lovage-matrix-"));
  try {
    await using broker = create(folder);
    await broker.connect();
    return broker.capabilities;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function ofPool(pool: Pool): Promise<object> {
  await pool.close();
  return pool.capabilities;
}
