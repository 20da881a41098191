/** Where one run happens: a broker of its own, and a folder for its files. */

import { startNats, startRabbitMq, startRedis } from "@lovage/services";
import { BenchFolder } from "./bench-folder.ts";

/** A broker that benchmarks can run on. */
export interface BrokerKind {
  readonly name: string;
  /** For the report: what a stored message survives. */
  readonly about: string;
  start(folder: BenchFolder): Promise<Server>;
}

interface Server extends AsyncDisposable {
  readonly url: string;
}

export const BROKERS: Readonly<Record<string, BrokerKind>> = {
  sqlite: {
    name: "sqlite",
    about: "SQLite broker, each commit on disk (`synchronous=FULL`)",
    start: async ({ queueFile }) => ({ url: `sqlite:${queueFile}`, [Symbol.asyncDispose]: async () => {} }),
  },
  redis: {
    name: "redis",
    about: "Redis on loopback with an append-only file (`appendfsync everysec`, not rewritten meanwhile)",
    // Filling a queue makes the file grow until the server rewrites it, in a process of its own that would share the cores with what is measured.
    start: () => startRedis(["--auto-aof-rewrite-percentage", "0"]),
  },
  rabbitmq: {
    name: "rabbitmq",
    about:
      "RabbitMQ on loopback with one scheduler thread, quorum queue of one replica, persistent messages, confirmed",
    start: () => startRabbitMq(),
  },
  nats: {
    name: "nats",
    about: "NATS JetStream on loopback, file store, one replica",
    start: () => startNats(),
  },
};

export class BenchPlace implements AsyncDisposable {
  readonly folder: BenchFolder;
  readonly brokerUrl: string;
  readonly #server: Server;

  private constructor(folder: BenchFolder, server: Server) {
    this.folder = folder;
    this.#server = server;
    this.brokerUrl = server.url;
  }

  static async open(broker: BrokerKind): Promise<BenchPlace> {
    const folder = new BenchFolder();
    try {
      return new BenchPlace(folder, await broker.start(folder));
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  }

  /** Where executors leave their marks. */
  get marks(): string {
    return this.folder.marks;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
