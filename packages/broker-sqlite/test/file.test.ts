import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BrokerEvent } from "@lovage/core/contracts";
import { describe, expect, it } from "vitest";
import { connected, consuming, message, messages, temporaryFile, until } from "./temporary.ts";

const logBytes = (path: string): number => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;

describe("the file", () => {
  it("has a log that stays short under load and is emptied when it is quiet", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    await broker.consume({ queue: "q", credit: 200 }, (batch) => {
      for (const delivery of batch) void delivery.ack();
    });
    let longest = 0;
    const body = "x".repeat(10_000);
    for (let round = 0; round < 60; round += 1) {
      await broker.publish(messages(50, { body }));
      longest = Math.max(longest, logBytes(path));
    }
    // 30 MB went through; the log is copied into the file every 8 MB.
    expect(longest).toBeLessThan(20_000_000);
    await until(() => logBytes(path) === 0);
    expect(await broker.depth("q")).toMatchObject({ ready: 0, owned: 0 });
  }, 20_000);

  it("is one file alone after the last connection has closed", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    await broker.publish(messages(3));
    await broker.close();
    expect(readdirSync(dirname(path))).toEqual(["lovage.db"]);
  });

  it("may be removed under a worker, which says so and goes on with a new one", async () => {
    const path = temporaryFile();
    const broker = await connected({ path, operationTimeoutMs: 2_000 });
    await broker.publish(messages(1));
    const events: BrokerEvent["type"][] = [];
    broker.onEvent(({ type }) => events.push(type));
    const { inbox } = await consuming(broker, 1);
    const [held] = await inbox.has(1);
    for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
    await until(() => events.includes("connected"));
    expect(events.indexOf("disconnected")).toBeLessThan(events.indexOf("connected"));
    expect(await held?.ack()).toBe("lost");
    await until(() => events.includes("queue-lost"));
    await broker.ensureQueue({ name: "q" });
    expect((await broker.publish([message()]))[0]?.status).toBe("accepted");
    renameSync(path, `${path}.old`);
  }, 20_000);

  it("keeps nothing of a queue that was destroyed, and finishes what a killed process began to destroy", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    await broker.publish(messages(5_000));
    const db = new DatabaseSync(path);
    // As if the process had died right after the first step.
    db.exec("UPDATE lovage_queue SET name = NULL");
    const rows = (): number => Number(Object.values(db.prepare("SELECT count(*) FROM lovage_message").get() ?? {})[0]);
    expect(await broker.queues()).toEqual([]);
    await until(() => rows() === 0);
    db.close();
  }, 20_000);

  it("is described to the doctor", async () => {
    const broker = await connected({ path: temporaryFile() });
    const findings = (await broker.diagnose?.()) ?? [];
    expect(findings.map(({ check, level }) => `${check} ${level}`)).toEqual([
      "file ok",
      "journal ok",
      "log ok",
      "integrity ok",
    ]);
  });
});
