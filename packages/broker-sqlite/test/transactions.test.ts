import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { publishInTransaction, sqliteBroker, sqliteResults } from "../src/index.ts";
import { storageSettings } from "../src/sqlite-options.ts";
import { SqliteStore } from "../src/sqlite-store.ts";
import { connected, consuming, message, messages, temporaryFile, until } from "./temporary.ts";

/** Commits in the write-ahead log: frames whose header names the size of the database after them. */
function commits(path: string): number {
  const log = readFileSync(`${path}-wal`);
  const frame = 24 + 4_096;
  let count = 0;
  for (let at = 32; at + frame <= log.length; at += frame) if (log.readUInt32BE(at + 4) !== 0) count += 1;
  return count;
}

function own(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  return db;
}

describe("one tick, one transaction", () => {
  it("commits what a broker and a result store on the same file are asked in one tick together", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    const results = sqliteResults(path);
    onTestFinished(() => results.close());
    await results.connect();
    const { inbox } = await consuming(broker, 10);
    await broker.publish(messages(3));
    const deliveries = await inbox.has(3);
    const before = commits(path);
    await Promise.all([
      ...deliveries.map((delivery) => delivery.ack()),
      results.write([{ id: "a", task: "t", state: "succeeded", final: true, attempt: 1 }]),
      broker.publish([message({ dueAt: Date.now() + 60_000 })]),
      broker.publish([message({ dueAt: Date.now() + 60_000 })]),
    ]);
    expect(commits(path) - before).toBe(1);
    expect(await broker.depth("q")).toMatchObject({ owned: 0, delayed: 2 });
  });

  it("keeps the order in which a producer asked, across calls of one tick", async () => {
    const broker = await connected({ path: temporaryFile() });
    const all = messages(50);
    const purged = messages(5);
    const first = broker.publish(purged);
    await Promise.all([first, ...all.map((one) => broker.publish([one]))]);
    const { inbox } = await consuming(broker, 100);
    const ids = (await inbox.has(55)).map(({ message: { id } }) => id);
    expect(ids).toEqual([...purged, ...all].map(({ id }) => id));
  });
});

describe("while another connection holds the write lock", () => {
  it("waits without holding the caller's loop, and then does what was asked", async () => {
    const path = temporaryFile();
    const broker = await connected({ path, placement: "loop" });
    const other = own(path);
    other.exec("BEGIN IMMEDIATE");
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
    }, 1);
    const publishing = broker.publish(messages(1));
    await until(() => turns >= 50);
    other.exec("COMMIT");
    clearInterval(turning);
    expect((await publishing).map(({ status }) => status)).toEqual(["accepted"]);
  });

  it("refuses to publish when it takes too long, says why, and settles all the same once it can", async () => {
    const path = temporaryFile();
    const broker = await connected({ path, operationTimeoutMs: 300 });
    await broker.publish(messages(1));
    const { inbox } = await consuming(broker, 1);
    const [delivery] = await inbox.has(1);
    const other = own(path);
    other.exec("BEGIN IMMEDIATE");
    const acking = delivery?.ack();
    const [outcome] = await broker.publish([message()]);
    expect(outcome).toMatchObject({ status: "refused", error: { code: "BROKER_UNAVAILABLE", retryable: true } });
    await expect(broker.ensureQueue({ name: "other" })).rejects.toMatchObject({ code: "BROKER_UNAVAILABLE" });
    other.exec("COMMIT");
    expect(await acking).toBe("done");
    expect(await broker.depth("q")).toMatchObject({ ready: 0, owned: 0 });
  });
});

describe("a full file", () => {
  it("refuses messages, goes on consuming, and takes messages again when there is room", async () => {
    const path = temporaryFile();
    const broker = await connected({ path, maxBytes: 1_000_000 });
    const body = "x".repeat(50_000);
    const published = await broker.publish(messages(10, { body }));
    expect(published.every(({ status }) => status === "accepted")).toBe(true);
    const statuses: string[] = [];
    while (!statuses.includes("refused")) {
      const [outcome] = await broker.publish([message({ body })]);
      statuses.push(outcome?.status ?? "");
      if (outcome?.status === "refused") expect(outcome.error.code).toBe("BROKER_FULL");
    }
    const { inbox } = await consuming(broker, 5);
    const deliveries = await inbox.has(5);
    expect(await Promise.all(deliveries.map((delivery) => delivery.ack()))).toEqual(new Array(5).fill("done"));
    expect((await broker.publish([message({ body })]))[0]?.status).toBe("accepted");
  });
});

describe("an operation that cannot be done", () => {
  it("fails alone: what was asked in the same tick is done", async () => {
    const store = new SqliteStore(storageSettings({ path: temporaryFile(), placement: "loop" }));
    onTestFinished(() => store.close());
    await store.open();
    const [first, broken, second] = await Promise.allSettled([
      store.run("ensureQueue", { name: "a" }),
      store.run("forgetResults", [(2n ** 70n) as unknown as string]),
      store.run("ensureQueue", { name: "b" }),
    ]);
    expect([first.status, broken.status, second.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await store.run("queues", null)).toEqual(["a", "b"]);
  });
});

describe("publishing in the caller's own transaction", () => {
  it("appears with the caller's commit, wakes workers, and brings its queue along", async () => {
    const path = temporaryFile();
    const db = own(path);
    db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY)");
    db.exec("BEGIN IMMEDIATE");
    db.exec("INSERT INTO orders VALUES (1)");
    const outcomes = publishInTransaction(db, [message({ body: new Uint8Array([1, 2]) }), message({ priority: 9 })]);
    expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "accepted"]);
    db.exec("COMMIT");

    const broker = sqliteBroker(path);
    onTestFinished(() => broker.close());
    await broker.connect();
    const { inbox } = await consuming(broker, 10);
    const [urgent, other] = await inbox.has(2);
    expect([urgent?.message.priority, other?.message.body]).toEqual([9, new Uint8Array([1, 2])]);

    db.exec("BEGIN IMMEDIATE");
    const [late] = publishInTransaction(db, [message()]);
    db.exec("COMMIT");
    expect((await inbox.has(3))[2]?.message.id).toBe(late?.id);
  });

  it("leaves nothing behind when the caller rolls back", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    const db = own(path);
    db.exec("BEGIN IMMEDIATE");
    publishInTransaction(db, messages(3));
    db.exec("ROLLBACK");
    expect(await broker.depth("q")).toMatchObject({ ready: 0 });
  });

  it("recognises duplicates and revoked ids, and refuses what publish refuses", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    const present = message();
    const revoked = message();
    await broker.publish([present]);
    await broker.revoke([revoked.id]);
    const db = own(path);
    db.exec("BEGIN IMMEDIATE");
    const outcomes = publishInTransaction(db, [present, revoked, message({ body: "12345" })], { maxMessageBytes: 4 });
    db.exec("COMMIT");
    expect(outcomes.map(({ status }) => status)).toEqual(["duplicate", "accepted", "refused"]);
    expect(await broker.depth("q")).toMatchObject({ ready: 1 });
  });

  it("refuses outside a transaction", () => {
    expect(() => publishInTransaction(own(temporaryFile()), messages(1))).toThrow(/BEGIN IMMEDIATE/);
  });
});
