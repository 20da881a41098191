import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sqliteFile } from "../../src/adapters/built-in.ts";
import { openBroker, openPlaces, openResults } from "../../src/adapters/open.ts";
import { openPool } from "../../src/adapters/open-pool.ts";
import { missingAdapter, parseAdapterUrl } from "../../src/adapters/scheme.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder with a package installed in it. */
function folderWith(name: string, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), "lovage-adapter-"));
  folders.push(folder);
  const home = path.join(folder, "node_modules", name);
  mkdirSync(home, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(home, file), text);
  return folder;
}

const manifest = (exports: unknown): string => JSON.stringify({ name: "x", version: "1.0.0", type: "module", exports });

describe("a broker URL", () => {
  it.each(["./lovage.db", "lovage", "", "//host", "C:\\lovage.db"])(
    "without a scheme (%j) is refused with what is legal",
    (url) => {
      expect(() => parseAdapterUrl(url, "--broker")).toThrow(/--broker: ".*" has no scheme.*legal are sqlite:/);
    },
  );

  it("that is the path of a database gets the likely correction", () => {
    expect(() => parseAdapterUrl("./data/q.db", "--broker")).toThrow("did you mean sqlite:./data/q.db?");
  });

  it.each(["redis:localhost", "amqp:/host", "nats"])("of a server without // (%s) is refused", (url) => {
    expect(() => parseAdapterUrl(url, "--broker")).toThrow(/--broker: /);
  });

  it("with a bad port is refused without showing its password", () => {
    const broken = "redis://admin:s3cret@host:99999";
    expect(() => parseAdapterUrl(broken, "--broker")).toThrow(/not a valid URL \(check the port/);
    expect(() => parseAdapterUrl(broken, "--broker")).not.toThrow(/s3cret/);
  });
});

describe("a SQLite URL", () => {
  it.each([
    ["sqlite:./a.db", "/app/a.db"],
    ["sqlite:a.db", "/app/a.db"],
    ["sqlite:../a%20b.db", "/a b.db"],
    ["sqlite:/var/a.db", "/var/a.db"],
    ["sqlite:///var/a.db", "/var/a.db"],
    ["sqlite:", "/app/lovage.db"],
  ])("%s is the file %s", (url, file) => {
    expect(sqliteFile(new URL(url), "/app")).toBe(file);
  });

  it("with a host is refused with the likely corrections", () => {
    expect(() => sqliteFile(new URL("sqlite://data/a.db"), "/app")).toThrow("write sqlite:./data/a.db");
  });

  it("with options is refused", () => {
    expect(() => sqliteFile(new URL("sqlite:./a.db?mode=ro"), "/app")).toThrow("takes no options");
  });
});

describe("an adapter", () => {
  it("that is well known and not installed is one line that says what to install", () => {
    expect(missingAdapter("nats")).toBe(
      "nats: needs the package @lovage/broker-nats; install it: npm install @lovage/broker-nats",
    );
  });

  it("of an unknown scheme names what is legal and the package it would be", async () => {
    await expect(openBroker("pigeon:./dir", { from: tmpdir() })).rejects.toThrow(
      /no adapter for "pigeon:"; legal are sqlite:.*npm install lovage-broker-pigeon/,
    );
  });

  it("is found by convention from the app's folder, and gets the URL and the folder", async () => {
    const from = folderWith("lovage-broker-spool", {
      "package.json": manifest("./index.js"),
      "index.js": 'export const openBroker = (url, { directory }) => ({ name: url.pathname + " in " + directory });',
    });
    expect(await openBroker("spool:./dir", { from, directory: "/data" })).toEqual({ name: "./dir in /data" });
  });

  it("with an entry for import only is found as well", async () => {
    const from = folderWith("lovage-broker-spool", {
      "package.json": manifest({ ".": { import: { types: "./index.d.ts", default: "./index.js" } } }),
      "index.js": "export const openBroker = () => ({ name: 'imported' });",
    });
    expect(await openBroker("spool:", { from })).toEqual({ name: "imported" });
  });

  it("that keeps no results leaves them off unless they were asked for", async () => {
    const from = folderWith("lovage-broker-spool", {
      "package.json": manifest("./index.js"),
      "index.js": "export const openBroker = () => ({ name: 'spool' });",
    });
    expect(await openPlaces({ broker: "spool:./a" }, { from })).toEqual({ broker: { name: "spool" } });
    await expect(openPlaces({ broker: "spool:./a", results: "spool:./a" }, { from })).rejects.toThrow(
      '--results: "spool:" keeps no results',
    );
    expect(await openResults("spool:./a", { from })).toBeUndefined();
  });

  it("that fails to load says why, rather than that it is missing", async () => {
    const from = folderWith("lovage-broker-spool", {
      "package.json": manifest("./index.js"),
      "index.js": "import 'a-client-library-that-is-not-there';",
    });
    await expect(openBroker("spool:", { from })).rejects.toThrow(
      /is installed but cannot be loaded: .*a-client-library/,
    );
  });

  it("that exports no openBroker says so", async () => {
    const from = folderWith("lovage-broker-spool", {
      "package.json": manifest("./index.js"),
      "index.js": "export {};",
    });
    await expect(openBroker("spool:", { from })).rejects.toThrow("exports no function openBroker");
  });
});

describe("a kind of pool", () => {
  it("is found by convention, and gets its options", async () => {
    const from = folderWith("lovage-pool-fleet", {
      "package.json": manifest("./index.js"),
      "index.js": "export const openPool = (options) => ({ kind: options.kind, capacity: options.size });",
    });
    expect(await openPool({ kind: "fleet", size: 7 }, { from })).toEqual({ kind: "fleet", capacity: 7 });
  });

  it("that nobody knows names those that are built in", async () => {
    await expect(openPool({ kind: "fleet" }, { from: tmpdir() })).rejects.toThrow(
      /no pool of kind "fleet"; built in are event, process, thread, solo.*npm install lovage-pool-fleet/,
    );
  });
});

describe("a URL with several hosts", () => {
  it("reaches the adapter with all of them, ports and credentials included", async () => {
    const from = folderWith("lovage-broker-many", {
      "package.json": manifest("./index.js"),
      "index.js":
        "export const openBroker = ({ username, password, host, pathname }) => ({ username, password, host: decodeURIComponent(host), pathname });",
    });
    expect(await openBroker("many://u:p@a:1,b:2,c/x", { from })).toEqual({
      username: "u",
      password: "p",
      host: "a:1,b:2,c",
      pathname: "/x",
    });
  });

  it("of Redis is Redis's", async () => {
    const broker = await openBroker("redis+sentinel://a:1,b:2/m");
    expect(broker.address).toBe("redis+sentinel://a:1,b:2/m");
    await broker.close();
  });
});
