import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConfigurationError } from "@lovage/core/contracts";
import { describe, expect, it } from "vitest";
import { sqliteBroker, sqliteResults } from "../src/index.ts";
import { networkFileSystem } from "../src/storage/file-systems.ts";
import { connected, messages, temporaryFile, temporaryFolder } from "./temporary.ts";

const connecting = async (path: string, placement: "thread" | "loop" = "loop"): Promise<unknown> => {
  const broker = sqliteBroker({ path, placement });
  try {
    await broker.connect();
    return "connected";
  } catch (error) {
    return error;
  } finally {
    await broker.close();
  }
};

describe("what is wrong with the file is said at connect", () => {
  it("names a folder that does not exist", async () => {
    const path = join(temporaryFolder(), "missing", "lovage.db");
    expect(await connecting(path)).toMatchObject({ code: "BROKER_STORAGE_NO_FOLDER", subject: { path } });
  });

  it("says the same from the storage thread", async () => {
    const path = join(temporaryFolder(), "missing", "lovage.db");
    expect(await connecting(path, "thread")).toMatchObject({ code: "BROKER_STORAGE_NO_FOLDER", retryable: false });
  });

  it("refuses a folder in place of a file", async () => {
    expect(await connecting(temporaryFolder())).toMatchObject({ code: "BROKER_STORAGE_CANNOT_OPEN" });
  });

  it("refuses a file that is not a database, and leaves it as it was", async () => {
    const path = temporaryFile();
    writeFileSync(path, "Dear diary, ".repeat(1_000));
    expect(await connecting(path)).toMatchObject({ code: "BROKER_STORAGE_NOT_A_DATABASE" });
    expect(readFileSync(path, "utf8").slice(0, 12)).toBe("Dear diary, ");
  });

  it("refuses a damaged file", async () => {
    const path = temporaryFile();
    const broker = await connected({ path, placement: "loop" });
    await broker.publish(messages(500));
    await broker.close();
    const bytes = readFileSync(path);
    for (let page = 2; page < bytes.length / 4_096; page += 1) bytes.fill(0xa5, page * 4_096, page * 4_096 + 200);
    writeFileSync(path, bytes);
    expect(await connecting(path)).toMatchObject({ code: "BROKER_STORAGE_CORRUPT", retryable: false });
  });

  it("refuses a file of a newer version, and says what to update", async () => {
    const path = temporaryFile();
    await (await connected({ path, placement: "loop" })).close();
    const db = new DatabaseSync(path);
    db.exec("UPDATE lovage_meta SET value = 99 WHERE name = 'layout'");
    db.close();
    expect(await connecting(path)).toMatchObject({
      code: "BROKER_STORAGE_NEWER_LAYOUT",
      message: expect.stringContaining("update @lovage/broker-sqlite"),
    });
  });

  it("refuses a file that this user may not write", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "lovage.db");
    await (await connected({ path, placement: "loop" })).close();
    if (process.getuid?.() === 0) {
      // Root may write everything but this.
      execFileSync("chattr", ["+i", path]);
    } else {
      chmodSync(path, 0o444);
      chmodSync(folder, 0o555);
    }
    try {
      expect(await connecting(path)).toMatchObject({
        code: "BROKER_STORAGE_READ_ONLY",
      });
    } finally {
      if (process.getuid?.() === 0) execFileSync("chattr", ["-i", path]);
      else chmodSync(folder, 0o755);
    }
  });

  it("knows network file systems by their number, whichever sign it has", () => {
    expect(networkFileSystem(0x6969)).toBe("NFS");
    expect(networkFileSystem(0xff534d42 | 0)).toBe("CIFS");
    expect(networkFileSystem(0xef53)).toBeUndefined();
  });

  it("tells a database in memory where to go", () => {
    expect(() => sqliteBroker(":memory:")).toThrow(ConfigurationError);
    expect(() => sqliteBroker("")).toThrow(ConfigurationError);
    expect(() => sqliteResults({ path: "x.db", pollMs: 0 })).toThrow(/pollMs/);
  });
});

describe("what is fine", () => {
  it("accepts a path, a file URL and a sqlite URL for the same file", () => {
    const folder = temporaryFolder();
    const address = `sqlite:${folder}/a.db`;
    for (const path of [
      `${folder}/a.db`,
      `file://${folder}/a.db`,
      `sqlite:${folder}/a.db`,
      `sqlite://${folder}/a.db`,
    ]) {
      expect(sqliteBroker(path).address).toBe(address);
    }
  });

  it("shares a file in which an application keeps its own tables", async () => {
    const path = temporaryFile();
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY); PRAGMA user_version = 7");
    const broker = await connected({ path, placement: "loop" });
    await broker.publish(messages(1));
    expect(db.prepare("SELECT count(*) AS n FROM orders").get()).toEqual({ n: 0 });
    expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 7 });
    db.close();
  });

  it("opens a file through a link to its folder", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "link"));
    expect(await connecting(join(folder, "link", "lovage.db"))).toBe("connected");
  });

  it("waits at connect for a file that is locked, until told to stop", async () => {
    const path = temporaryFile();
    await (await connected({ path, placement: "loop" })).close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const broker = sqliteBroker({ path, placement: "loop" });
    const stop = new AbortController();
    const connect = broker.connect({ signal: stop.signal });
    await expect(Promise.race([connect, Promise.resolve("still waiting")])).resolves.toBe("still waiting");
    stop.abort(new Error("enough"));
    await expect(connect).rejects.toThrow("enough");
    db.exec("COMMIT");
    db.close();
    await broker.connect();
    await broker.close();
  });
});
