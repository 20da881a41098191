/** Ways in: credentials, TLS, domains, connections of one's own; and what others see of ours. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker } from "@lovage/core/contracts";
import { provide, startNats } from "@lovage/services";
import { Kvm } from "@nats-io/kv";
import { connect, nkeys } from "@nats-io/transport-node";
import { connect as connect2 } from "nats";
import { afterAll, describe, expect, it } from "vitest";
import { type NatsBrokerOptions, type NatsConnection, natsBroker, natsResults, openBroker } from "../src/index.ts";
import { Collected, message } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "lovage-nats-connections-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function config(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** It publishes, and gets what it published. */
async function works(broker: Broker): Promise<void> {
  await broker.connect({ signal: AbortSignal.timeout(10_000) });
  await broker.ensureQueue({ name: "work" });
  const inbox = new Collected();
  const [outcome] = await broker.publish([message("work", "m")]);
  expect(outcome?.status).toBe("accepted");
  await broker.consume({ queue: "work", credit: 1 }, inbox.receive);
  expect(await (await inbox.next()).ack()).toBe("done");
  await broker.destroyQueue("work");
}

async function turnedAway(options: NatsBrokerOptions): Promise<void> {
  const broker = natsBroker(options);
  await expect(broker.connect({ signal: AbortSignal.timeout(10_000) })).rejects.toMatchObject({
    code: "BROKER_CREDENTIALS",
    retryable: false,
  });
  await broker.close();
}

describe("who we are", () => {
  it("is told by a token", async () => {
    await using server = await startNats(["--auth", "s3cret"]);
    await using broker = natsBroker({ servers: server.url, token: "s3cret" });
    await works(broker);
    await using inServer = natsBroker({ servers: server.url.replace("//", "//s3cret@") });
    await works(inServer);
    expect(inServer.address).not.toContain("s3cret");
    await turnedAway({ servers: server.url, token: "wrong" });
  });

  it("is told by the seed of an nkey, which a URL names by its file", async () => {
    const user = nkeys.createUser();
    const file = config("nkey.conf", `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`);
    const seed = Buffer.from(user.getSeed()).toString();
    await using server = await startNats(["-c", file]);
    await using broker = natsBroker({ servers: server.url, nkeySeed: seed });
    await works(broker);
    writeFileSync(join(folder, "user.nk"), `${seed}\n`);
    await using byUrl = openBroker(new URL(`${server.url}?nkey=user.nk`), { directory: folder });
    await works(byUrl);
    await turnedAway({ servers: server.url, nkeySeed: Buffer.from(nkeys.createUser().getSeed()).toString() });
  });

  it("stays behind TLS, with an authority of one's own", async () => {
    const openssl = await provide({ command: "openssl", debian: "openssl", variable: "PATH" });
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    // The client checks a server that is named by its address as `localhost`.
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const files = ["-keyout", key, "-out", cert, "-days", "2"];
    execFileSync(openssl, ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files, ...subject], { stdio: "ignore" });
    await using server = await startNats(["--tls", "--tlscert", cert, "--tlskey", key]);
    await using broker = natsBroker({ servers: server.url, tls: { caFile: cert } });
    await works(broker);
    await using byUrl = openBroker(new URL(`nats+tls://127.0.0.1:${server.port}?ca=cert.pem`), { directory: folder });
    await works(byUrl);
    const stranger = natsBroker({ servers: server.url, tls: true });
    await expect(stranger.connect()).rejects.toMatchObject({ code: "BROKER_CERTIFICATE", retryable: false });
    await stranger.close();
  });
});

it("reaches JetStream of a domain", async () => {
  const file = config("domain.conf", "jetstream { domain: hub }");
  await using server = await startNats(["-c", file]);
  await using broker = natsBroker({ servers: server.url, domain: "hub" });
  await works(broker);
  await using elsewhere = natsBroker({ servers: server.url, domain: "nowhere", operationTimeoutMs: 500 });
  await expect(elsewhere.connect({ signal: AbortSignal.timeout(1_500) })).rejects.toThrow();
});

describe("a connection of one's own", () => {
  it("of the current client is used and left open", async () => {
    await using server = await startNats();
    const connection = await connect({ servers: server.url });
    const broker = natsBroker({ connection: connection as unknown as NatsConnection });
    await works(broker);
    await broker.close();
    const results = natsResults({ connection: connection as unknown as NatsConnection });
    await results.connect();
    await results.close();
    expect(connection.isClosed()).toBe(false);
    await connection.close();
  });

  it("of nats 2.x is used and left open, and one that is closed is refused", async () => {
    await using server = await startNats();
    const connection = await connect2({ servers: server.url });
    const broker = natsBroker({ connection: connection as unknown as NatsConnection });
    await works(broker);
    await broker.close();
    expect(connection.isClosed()).toBe(false);
    await connection.close();
    const late = natsBroker({ connection: connection as unknown as NatsConnection });
    await expect(late.connect()).rejects.toThrow(/is closed; pass an open one/);
    await late.close();
  });
});

it("keeps its buckets so that any client of NATS' KV can read them", async () => {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url });
  await using results = natsResults({ servers: server.url });
  await Promise.all([broker.connect(), results.connect()]);
  await broker.ensureQueue({ name: "mail.out" });
  await results.write([{ id: "r-1", task: "t", state: "succeeded", final: true, attempt: 1, value: "7" }]);
  const connection = await connect({ servers: server.url });
  const kvm = new Kvm(connection);
  const declared = await (await kvm.open("lovage-queues")).get("mail=out");
  expect(declared?.json()).toMatchObject({ leaseMs: 10_000, bands: 1, paused: false });
  expect((await (await kvm.open("lovage-results")).get("r-1"))?.json()).toMatchObject({
    state: "succeeded",
    value: "7",
  });
  await connection.close();
});

it("tells a doctor what it found: version, copies, and what a power cut may take", async () => {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url });
  await broker.connect();
  await broker.ensureQueue({ name: "mail" });
  const found = (await broker.diagnose?.()) ?? [];
  const of = (check: string): (typeof found)[number] | undefined => found.find((each) => each.check === check);
  expect(of("server")?.finding).toMatch(/^NATS \d/);
  expect(of("queue mail")).toMatchObject({ level: "warning", finding: expect.stringContaining("one copy") });
  expect(of("durability")?.advice).toContain("sync_interval: always");
});
