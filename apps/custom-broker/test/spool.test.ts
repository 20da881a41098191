/** What only a folder can have: files that are damaged, foreign or half written, and a disk that says no. */

import { appendFileSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker, BrokerEvent, Delivery, OutgoingMessage } from "@lovage/core/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { spoolBroker } from "../src/index.ts";

let root: string;
let broker: Broker;
const queue = "mail";
const at = (...parts: string[]): string => join(root, `${queue}.queue`, ...parts);

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "spool-"));
  broker = spoolBroker({ folder: root });
  await broker.connect();
  await broker.ensureQueue({ name: queue });
});

afterEach(async () => {
  await broker.close();
  rmSync(root, { recursive: true });
});

let made = 0;
function message(): OutgoingMessage {
  made += 1;
  const id = `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`;
  return { id, queue, headers: { task: "t" }, body: "[[]]", priority: 5 };
}

async function published(): Promise<string> {
  const [outcome] = await broker.publish([message()]);
  expect(outcome?.status).toBe("accepted");
  return outcome?.id ?? "";
}

async function taken(): Promise<Delivery> {
  const { promise, resolve } = Promise.withResolvers<Delivery>();
  const consumption = await broker.consume({ queue, credit: 1 }, ([delivery]) => resolve(delivery as Delivery));
  const delivery = await promise;
  await consumption.stop();
  return delivery;
}

it("sets a damaged file aside, shows what is in it, and goes on with the next", async () => {
  const damaged = await published();
  const [name = ""] = readdirSync(at("waiting"));
  writeFileSync(at("waiting", name), '{"headers":{"ta');
  const next = await published();
  expect((await taken()).message.id).toBe(next);
  const [letter] = await broker.deadLetters(queue);
  expect(letter).toMatchObject({ id: damaged, reason: { code: "undecodable" } });
  expect(String(letter?.body)).toContain('{"headers":{"ta');
});

it("does not count an edition that a killed process began to write", async () => {
  await published();
  const [name = ""] = readdirSync(at("waiting"));
  appendFileSync(at("waiting", name), '\n{"edition":"abcdef01","headers":{"task":"wro');
  const first = await taken();
  expect(first.message.headers.task).toBe("t");
  await first.requeue({ headers: { task: "t", attempt: 2 } });
  expect((await taken()).message.headers).toEqual({ task: "t", attempt: 2 });
});

it("leaves files alone that are not messages", async () => {
  writeFileSync(at("waiting", "README.txt"), "hello");
  const id = await published();
  expect((await taken()).message.id).toBe(id);
  expect(existsSync(at("waiting", "README.txt"))).toBe(true);
});

it("waits with a settlement while the disk refuses it, says so, and then carries it out", async () => {
  await published();
  const held = await taken();
  const warned = Promise.withResolvers<BrokerEvent>();
  broker.onEvent((event) => event.type === "warning" && warned.resolve(event));
  renameSync(at("claimed"), at("away"));
  writeFileSync(at("claimed"), "a file where the folder was");
  const answer = held.requeue();
  expect(await warned.promise).toMatchObject({ code: "BROKER_STORAGE" });
  rmSync(at("claimed"));
  renameSync(at("away"), at("claimed"));
  expect(await answer).toBe("done");
  expect(await broker.depth(queue)).toMatchObject({ ready: 1, owned: 0 });
});

it("refuses an id that is no UUID: it would be a file's name", async () => {
  const [outcome] = await broker.publish([{ ...message(), id: "../../etc/passwd" }]);
  expect(outcome?.status).toBe("refused");
  expect(await broker.revoke(["../../escape"])).toEqual([{ id: "../../escape", status: "absent" }]);
  expect(existsSync(join(root, "../escape"))).toBe(false);
});

it("tells of a folder that cannot be", async () => {
  writeFileSync(join(root, "file"), "");
  await expect(spoolBroker({ folder: join(root, "file") }).connect()).rejects.toMatchObject({ code: "BROKER_STORAGE" });
});

it("does not deliver a message whose file comes back after its id was revoked", async () => {
  const revoked = await published();
  const [name = ""] = readdirSync(at("waiting"));
  renameSync(at("waiting", name), at("tmp", name));
  expect(await broker.revoke([revoked])).toEqual([{ id: revoked, status: "absent" }]);
  renameSync(at("tmp", name), at("waiting", name));
  const kept = await published();
  expect((await taken()).message.id).toBe(kept);
  expect(await broker.depth(queue)).toMatchObject({ ready: 0, owned: 1 });
});

it("says lost to whoever renews or buries in a queue that somebody else has just destroyed", async () => {
  await published();
  await published();
  const [first, second] = [await taken(), await taken()];
  renameSync(at(), join(root, "elsewhere"));
  expect(await Promise.all([first.renew(), second.deadLetter({ code: "failed" })])).toEqual(["lost", "lost"]);
});
