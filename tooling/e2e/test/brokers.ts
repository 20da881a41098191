/** The brokers that the whole is tried on. A new one is one entry here. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { natsBroker } from "@lovage/broker-nats";
import { rabbitMqBroker } from "@lovage/broker-rabbitmq";
import { redisBroker } from "@lovage/broker-redis";
import { sqliteBroker } from "@lovage/broker-sqlite";
import type { Broker } from "@lovage/core/contracts";
import { startNats, startRabbitMq, startRedis } from "@lovage/services";

export interface Place extends AsyncDisposable {
  /** What commands are given. */
  readonly url: string;
  /** A connection to the same place, not yet connected. */
  broker(): Broker;
  /** Kills its server hard, where it has one; resolves with what starts it again. */
  away?(): Promise<() => Promise<void>>;
}

export interface BrokerKind {
  readonly name: string;
  /** Within this, in ms, whatever a killed worker had begun has begun again elsewhere. */
  readonly againWithinMs: number;
  /** It has a server, and a time without it makes no task start again that still runs. */
  readonly outlastsItsServer: boolean;
  open(): Promise<Place>;
}

const LEASE_MS = 10_000;

export const BROKERS: readonly BrokerKind[] = [
  {
    name: "SQLite",
    againWithinMs: LEASE_MS + 1_000,
    outlastsItsServer: false,
    async open() {
      const folder = await mkdtemp(join(tmpdir(), "lovage-e2e-sqlite-"));
      const path = join(folder, "queue.db");
      return {
        url: `sqlite:${path}`,
        broker: () => sqliteBroker(path),
        [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
      };
    },
  },
  {
    name: "Redis",
    // The lease, and a third of it at most until an idle worker looks.
    againWithinMs: LEASE_MS + 5_000,
    outlastsItsServer: true,
    async open() {
      const server = await startRedis();
      return {
        url: server.url,
        broker: () => redisBroker(server.url),
        async away() {
          await server.process.kill();
          return () => server.process.start();
        },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: "NATS",
    againWithinMs: LEASE_MS + 1_000,
    // Its clock ends leases also while nobody can reach it to renew.
    outlastsItsServer: false,
    async open() {
      const server = await startNats();
      return {
        url: server.url,
        broker: () => natsBroker({ servers: server.url }),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: "RabbitMQ",
    // The server sees the connection end.
    againWithinMs: 1_000,
    // What its connection owned begins again, also where it still runs: there it is adopted.
    outlastsItsServer: false,
    async open() {
      const server = await startRabbitMq();
      // A heartbeat that is missed three times in the time for which tasks hold their executors.
      return {
        url: `${server.url}?heartbeat=3`,
        broker: () => rabbitMqBroker({ url: server.url, heartbeatS: 3 }),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
];
