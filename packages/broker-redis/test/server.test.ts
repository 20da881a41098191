import { eventLog } from "@lovage/core/testing";
import { startRedis } from "@lovage/services";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { redisBroker } from "../src/index.ts";
import { checkVersion } from "../src/redis-server.ts";
import { messages } from "./messages.ts";
import { serverClient } from "./server-client.ts";

describe("a server", () => {
  it("older than 6.2 is refused with what is needed", () => {
    for (const version of ["2.8.24", "5.0.14", "6.0.16"]) {
      expect(() => checkVersion(version), version).toThrow(`this server is Redis ${version}; Lovage needs 6.2`);
    }
    for (const version of ["6.2.0", "7.0.15", "7.2.4", "8.2.1", "10.0.0", "unknown"]) checkVersion(version);
  });

  it("that evicts, or keeps no append-only file, is warned of at connect and by diagnose", async () => {
    await using server = await startRedis([
      "--appendonly",
      "no",
      "--maxmemory-policy",
      "allkeys-lru",
      "--maxmemory",
      "1gb",
    ]);
    await using broker = redisBroker(server.url);
    const events = eventLog(broker);
    await broker.connect();
    const warned = events.events.flatMap((event) => (event.type === "warning" ? [event.code] : []));
    expect(warned).toEqual(["REDIS_EVICTION", "REDIS_APPEND_ONLY_FILE"]);
    expect(broker.capabilities.durable).toBe("none");
    const findings = await broker.diagnose?.();
    expect(findings?.map(({ check, level }) => `${check} ${level}`)).toEqual([
      "server ok",
      "eviction error",
      "append-only file warning",
      "memory ok",
    ]);
    events.stop();
  });

  it("that does not sync its file is warned of; one that syncs each write survives a power cut", async () => {
    await using server = await startRedis(["--appendfsync", "no"]);
    await using broker = redisBroker(server.url);
    const events = eventLog(broker);
    await broker.connect();
    expect(events.events.flatMap((event) => (event.type === "warning" ? [event.code] : []))).toEqual(["REDIS_FSYNC"]);
    expect(broker.capabilities.durable).toBe("process");
    await using client = serverClient(server.port);
    await client.config("SET", "appendfsync", "always");
    await using again = redisBroker(server.url);
    await again.connect();
    expect(again.capabilities.durable).toBe("machine");
    events.stop();
  });

  it("with a newer layout is refused at once", async () => {
    await using server = await startRedis();
    await using client = serverClient(server.port);
    await client.set("lovage:layout", "99");
    await using broker = redisBroker(server.url);
    await expect(broker.connect()).rejects.toMatchObject({ code: "BROKER_STORAGE_NEWER_LAYOUT" });
    await using other = redisBroker({ url: server.url, prefix: "acme" });
    await other.connect();
  });

  it("with a password lets in who knows it, by URL", async () => {
    await using server = await startRedis(["--requirepass", "p@ss/word"]);
    await using broker = redisBroker(`redis://:${encodeURIComponent("p@ss/word")}@127.0.0.1:${server.port}`);
    await broker.connect();
    expect(broker.address).toBe(server.url);
    await using stranger = redisBroker(server.url);
    await expect(stranger.connect()).rejects.toMatchObject({ code: "BROKER_STORAGE_ACCESS_REFUSED", retryable: false });
  });
});

it("a client that was passed in is left as it was", async () => {
  await using server = await startRedis();
  const client = new Redis(server.port, "127.0.0.1", { keyPrefix: "mine:" });
  await client.set("a", 1);
  const broker = redisBroker({ client });
  await broker.connect();
  await broker.ensureQueue({ name: "q" });
  expect((await broker.publish(messages("q", 1)))[0]?.status).toBe("accepted");
  await broker.close();
  expect(client.status).toBe("ready");
  expect(await client.get("a")).toBe("1");
  client.disconnect();
});

describe("durability: replicated", () => {
  it("says unknown without a replica, and accepted with one", async () => {
    await using server = await startRedis();
    const options = { url: server.url, durability: "replicated", operationTimeoutMs: 1_000 } as const;
    await using broker = redisBroker(options);
    await broker.connect();
    await broker.ensureQueue({ name: "q" });
    const [alone] = await broker.publish(messages("q", 1));
    expect(alone?.status).toBe("unknown");
    await using replica = await startRedis(["--replicaof", "127.0.0.1", String(server.port)]);
    await using client = serverClient(replica.port);
    while (!(await client.info("replication")).includes("master_link_status:up")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const outcomes = await broker.publish(messages("q", 50));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["accepted"]));
  });
});
