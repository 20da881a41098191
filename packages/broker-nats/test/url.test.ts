import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { settingsOf } from "../src/nats-options.ts";
import { optionsOf } from "../src/nats-url.ts";

const folder = mkdtempSync(join(tmpdir(), "lovage-nats-url-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const read = (url: string): ReturnType<typeof optionsOf> => optionsOf(new URL(url), folder);

it("names a server, with the usual port left to the client", () => {
  expect(read("nats://example.org")).toEqual({ servers: ["nats://example.org"] });
});

it("names several servers: in the host, with the colons of ports encoded as the command does, and as a parameter", () => {
  expect(read("nats://me:secret@a%3A4222,b%3A4223").servers).toEqual(["nats://a:4222", "nats://b:4223"]);
  expect(read("nats://a,b,c:4222").servers).toEqual(["nats://a", "nats://b", "nats://c:4222"]);
  expect(read("nats://a:4222?servers=b:4223,c:4224").servers).toEqual([
    "nats://a:4222",
    "nats://b:4223",
    "nats://c:4224",
  ]);
});

it("has user and password, or a token alone", () => {
  expect(read("nats://me:p%40ss@a")).toMatchObject({ user: "me", password: "p@ss" });
  expect(read("nats://t0ken@a")).toMatchObject({ token: "t0ken" });
});

it("asks for TLS by its scheme, a flag or files", () => {
  expect(read("tls://a:4222")).toMatchObject({ tls: true, servers: ["tls://a:4222"] });
  expect(read("nats://a?tls=true").tls).toBe(true);
  expect(read("nats://a?ca=ca.pem").tls).toEqual({ caFile: join(folder, "ca.pem") });
});

it("reads secrets from files, from the folder given, and names no content when it cannot", () => {
  writeFileSync(join(folder, "user.creds"), "first\n");
  const { credentials } = read("nats://a?creds=user.creds") as { credentials: () => string };
  expect(credentials()).toBe("first");
  writeFileSync(join(folder, "user.creds"), "renewed\n");
  expect(credentials()).toBe("renewed");
  expect(() => read("nats://a?creds=absent.creds")).toThrow(/creds: cannot read .*absent.creds \(ENOENT\)/);
  expect(() => read("nats://a?nkey=absent.nk")).toThrow(/nkey: cannot read .*absent.nk \(ENOENT\)/);
});

it("says where JetStream is, how it is kept, and under which names", () => {
  const options = read("nats://a/jobs?domain=hub&replicas=3&bands=3&inboxPrefix=_IN");
  expect(options).toMatchObject({ namespace: "jobs", domain: "hub", replicas: 3, bands: 3, inboxPrefix: "_IN" });
  expect(settingsOf(options).apiPrefix).toBe("$JS.hub.API");
  expect(settingsOf({ apiPrefix: "FROM.ops.API." }).apiPrefix).toBe("FROM.ops.API");
});

it("refuses what it does not know or cannot do, and names what is legal", () => {
  expect(() => read("nats://a?replica=3")).toThrow(/"replica" is no option of a NATS URL; legal are .*replicas/);
  expect(() => settingsOf(read("nats://a?replicas=2"))).toThrow(/replicas is 2; use 1, 3 or 5/);
  expect(() => settingsOf(read("nats://a?bands=x"))).toThrow(/bands is NaN/);
  expect(() => settingsOf({ namespace: "a.b" })).toThrow(/namespace is a.b/);
  expect(() => settingsOf({ domain: "d", apiPrefix: "p" })).toThrow(/give one of them/);
});
