import { Redis } from "ioredis";

/** What tests do to a server past the adapter. Closed by `await using`. */
export function serverClient(port: number): Redis & AsyncDisposable {
  const client = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: null });
  client.on("error", () => {});
  return Object.assign(client, {
    async [Symbol.asyncDispose](): Promise<void> {
      client.disconnect();
    },
  });
}

/**
 * With `everysec` Redis answers before it writes while its disk is behind with an fsync, and then a kill may take what was answered: that is
 * documented, and not what a restart is to show.
 */
export async function diskInStep(port: number): Promise<void> {
  await using client = serverClient(port);
  for (;;) {
    const info = await client.info("persistence");
    if (/aof_pending_bio_fsync:0\r/.test(info) && /aof_buffer_length:0\r/.test(info)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Fixed objects, and what is remembered by promise. */
const FIXED = new Set(["layout", "queues", "revoked", "queue", "sessions", "wake"]);

/** Every element under the prefix that is neither a fixed object nor kept by promise. */
export async function leftovers(port: number, prefix = "lovage"): Promise<readonly string[]> {
  await using client = serverClient(port);
  const found: string[] = [];
  for (const key of (await client.keys(`${prefix}:*`)).sort()) {
    const name = key.slice(key.lastIndexOf(":") + 1);
    if (FIXED.has(name) && key.startsWith(`${prefix}:`)) {
      if (key.includes("{")) found.push(`queue of ${key}`);
      continue;
    }
    found.push(...(await elements(client, key)).map((element) => `${key} ${element}`));
  }
  return [...new Set(found)];
}

async function elements(client: Redis, key: string): Promise<readonly string[]> {
  switch (await client.type(key)) {
    case "hash":
      return client.hkeys(key);
    case "zset":
      return client.zrange(key, "0", "-1");
    default:
      return [""];
  }
}
