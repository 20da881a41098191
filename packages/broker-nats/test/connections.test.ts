/** Ways in: credentials, TLS, domains, connections of one's own; and what others see of ours. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker, Diagnosis } from "@lovage/core/contracts";
import { eventLog, eventually } from "@lovage/core/testing";
import { freePort, type NatsServer, provide, startNats } from "@lovage/services";
import { Kvm } from "@nats-io/kv";
import { connect, nkeys } from "@nats-io/transport-node";
import { connect as connect2 } from "nats";
import { afterAll, describe, expect, it } from "vitest";
import { openLink } from "../src/connection/nats-connect.ts";
import { type NatsBrokerOptions, type NatsConnection, natsBroker, natsResults, openBroker } from "../src/index.ts";
import { settingsOf } from "../src/nats-options.ts";
import { atLeastVersion, featuresOf, parseVersion, type Version } from "../src/nats-versions.ts";
import { withLink, withStreams } from "./harness.ts";
import { accountJwt, credentialsOf, type KeyPair, keys, operatorJwt } from "./jwt.ts";
import { Collected, message, patience } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "lovage-nats-connections-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function config(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

interface Operated extends AsyncDisposable {
  readonly server: NatsServer;
  readonly account: KeyPair;
  readonly user: KeyPair;
}

/** A server whose users are vouched for by JWTs. */
async function startOperated(): Promise<Operated> {
  const [operator, system, account, user] = [keys.operator(), keys.account(), keys.account(), keys.user()];
  const file = config(
    "operator.conf",
    `operator: ${operatorJwt(operator)}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: {
        ${system.getPublicKey()}: ${accountJwt(system, operator, "none")}
        ${account.getPublicKey()}: ${accountJwt(account, operator, "JetStream")}
      }`,
  );
  const server = await startNats(["-c", file]);
  return { server, account, user, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/** An authority, and a server and a client that it vouches for, as files. */
async function certificates(): Promise<Certificates> {
  const openssl = await provide({ command: "openssl", debian: "openssl", variable: "PATH" });
  const run = (...args: readonly string[]): void => {
    execFileSync(openssl, args, { cwd: folder, stdio: "ignore" });
  };
  const fresh = ["-newkey", "rsa:2048", "-nodes"];
  run("req", "-x509", ...fresh, "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority");
  const issue = (name: string, usage: string): void => {
    // The client checks a server that is named by its address as `localhost`.
    const extensions = config(`${name}.ext`, `subjectAltName=DNS:localhost\nextendedKeyUsage=${usage}\n`);
    run("req", ...fresh, "-keyout", `${name}-key.pem`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const by = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"];
    run("x509", "-req", "-in", `${name}.csr`, ...by, "-out", `${name}.pem`, "-days", "2", "-extfile", extensions);
  };
  issue("server", "serverAuth");
  issue("client", "clientAuth");
  const [authority, certificate, key, clientCertificate, clientKey] = [
    "ca.pem",
    "server.pem",
    "server-key.pem",
    "client.pem",
    "client-key.pem",
  ].map((name) => join(folder, name)) as [string, string, string, string, string];
  return { authority, certificate, key, clientCertificate, clientKey };
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

/** What goes through streams and subjects of their own: delays, retries, dead letters, and what a pause tells everybody. */
async function delaysAndRetries(broker: Broker): Promise<void> {
  await broker.ensureQueue({ name: "retried" });
  const inbox = new Collected();
  await broker.publish([message("retried", "later", { dueAt: Date.now() + 200 })]);
  await broker.consume({ queue: "retried", credit: 5 }, inbox.receive);
  expect(await (await inbox.next()).requeue({ delayMs: 100 })).toBe("done");
  const again = await inbox.next();
  expect(again.message.id).toBe("later");
  expect(await again.deadLetter({ code: "failed" })).toBe("done");
  expect((await broker.deadLetters("retried")).map(({ id }) => id)).toEqual(["later"]);
  await broker.destroyQueue("retried");
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

  it("is told by a credentials file, which an operator's account vouches for", async () => {
    await using operated = await startOperated();
    const { server, user, account } = operated;
    const credentials = credentialsOf(user, account);
    await using broker = natsBroker({ servers: server.url, credentials });
    await works(broker);
    writeFileSync(join(folder, "user.creds"), credentials);
    await using byUrl = openBroker(new URL(`${server.url}?creds=user.creds`), { directory: folder });
    await works(byUrl);
    await turnedAway({ servers: server.url, credentials: credentialsOf(keys.user(), keys.account()) });
    await turnedAway({ servers: server.url });
    await using garbled = natsBroker({ servers: server.url, credentials: "-----BEGIN NATS USER JWT-----" });
    await expect(garbled.connect()).rejects.toMatchObject({ code: "CONFIGURATION" });
  });

  it("is over when the credentials have expired, which is said with the time and the remedy", async () => {
    await using operated = await startOperated();
    const { server, user, account } = operated;
    const expiredAt = Date.now() - 60_000;
    await using broker = natsBroker({ servers: server.url, credentials: credentialsOf(user, account, expiredAt) });
    await expect(broker.connect({ signal: AbortSignal.timeout(10_000) })).rejects.toMatchObject({
      code: "BROKER_CREDENTIALS",
      retryable: false,
      message: expect.stringMatching(/JWT in the credentials expired at \d{4}-.*issue new credentials/),
    });
  });

  it("is told again when credentials expire under us: it is said, publishing is refused with it, and a renewed file is taken up", async () => {
    await using operated = await startOperated();
    const { server, user, account } = operated;
    writeFileSync(join(folder, "short.creds"), credentialsOf(user, account, Date.now() + 2_000));
    const url = new URL(`${server.url}?creds=short.creds&operationTimeoutMs=1000`);
    await using broker = openBroker(url, { directory: folder });
    const events = eventLog(broker);
    await broker.connect();
    await broker.ensureQueue({ name: "work" });
    const inbox = new Collected();
    await broker.consume({ queue: "work", credit: 1 }, inbox.receive);
    const { code, message: said } = await events.next("warning", ({ code }) => code === "BROKER_CREDENTIALS", patience);
    expect(code).toBe("BROKER_CREDENTIALS");
    expect(said).toMatch(/expired.*issue new/);
    // Until the second is over that the time is in, a server may let us in once more.
    const refused = async (): Promise<boolean> => {
      const [outcome] = await broker.publish([message("work", "m")]);
      return outcome?.status === "refused" && outcome.error.code === "BROKER_CREDENTIALS";
    };
    await eventually("publishing to be refused with it", refused, patience);
    const connected = events.next("connected", undefined, patience);
    writeFileSync(join(folder, "short.creds"), credentialsOf(user, account));
    await connected;
    expect((await broker.publish([message("work", "m")]))[0]?.status).toMatch(/^(accepted|duplicate)$/);
    expect(await (await inbox.next()).ack()).toBe("done");
    events.stop();
  });

  it("stays behind TLS, with an authority of one's own", async () => {
    const { authority, certificate, key } = await certificates();
    await using server = await startNats(["--tls", "--tlscert", certificate, "--tlskey", key]);
    await using broker = natsBroker({ servers: server.url, tls: { caFile: authority } });
    await works(broker);
    await using byUrl = openBroker(new URL(`nats+tls://127.0.0.1:${server.port}?ca=ca.pem`), { directory: folder });
    await works(byUrl);
    const stranger = natsBroker({ servers: server.url, tls: true });
    await expect(stranger.connect()).rejects.toMatchObject({ code: "BROKER_CERTIFICATE", retryable: false });
    await stranger.close();
  });

  it("is told by a certificate where the server asks for one", async () => {
    const { authority, certificate, key, clientCertificate, clientKey } = await certificates();
    const verify = ["--tlsverify", "--tlscacert", authority];
    await using server = await startNats(["--tls", "--tlscert", certificate, "--tlskey", key, ...verify]);
    const tls = { caFile: authority, certFile: clientCertificate, keyFile: clientKey };
    await using broker = natsBroker({ servers: server.url, tls });
    await works(broker);
    const files = "ca=ca.pem&cert=client.pem&key=client-key.pem";
    await using byUrl = openBroker(new URL(`nats+tls://127.0.0.1:${server.port}?${files}`), { directory: folder });
    await works(byUrl);
    const nobody = settingsOf({ servers: server.url, tls: { caFile: authority }, operationTimeoutMs: 1_000 });
    await expect(openLink(nobody, new AbortController().signal, "test")).rejects.toMatchObject({
      code: "BROKER_UNAVAILABLE",
      message: expect.stringContaining("tls.certFile"),
    });
  });
});

it("finds the one of several servers that is there", async () => {
  await using server = await startNats();
  const absent = `nats://127.0.0.1:${await freePort()}`;
  await using broker = natsBroker({ servers: [absent, server.url] });
  await works(broker);
  await using byUrl = openBroker(new URL(`${absent}?servers=127.0.0.1:${server.port}`), { directory: folder });
  await works(byUrl);
});

it("reaches JetStream of a domain", async () => {
  const file = config("domain.conf", "jetstream { domain: hub }");
  await using server = await startNats(["-c", file]);
  await using broker = natsBroker({ servers: server.url, domain: "hub" });
  await works(broker);
  await using elsewhere = natsBroker({ servers: server.url, domain: "nowhere", operationTimeoutMs: 500 });
  await expect(elsewhere.connect({ signal: AbortSignal.timeout(1_500) })).rejects.toThrow();
});

it("reaches JetStream of another account by the prefix under which that is imported", async () => {
  const file = config(
    "import.conf",
    `jetstream {}
    accounts {
      hub: {
        jetstream: enabled
        users: [ { user: hub, password: pw } ]
        exports: [
          { service: "$JS.API.>", response_type: stream }
          { service: "$JS.ACK.>" }
          { service: "$KV.>" }
          { service: "lovage.q.>" }, { service: "lovage.d.>" }, { service: "lovage.s.>" }, { service: "lovage.x.>" }
          { stream: "lovage.kv.>" }, { stream: "lovage.n.>" }, { stream: "lovage.w.>" }
        ]
      }
      team: {
        users: [ { user: team, password: pw } ]
        imports: [
          { service: { account: hub, subject: "$JS.API.>" }, to: "hub.api.>" }
          { service: { account: hub, subject: "$JS.ACK.>" } }
          { service: { account: hub, subject: "$KV.>" } }
          { service: { account: hub, subject: "lovage.q.>" } }, { service: { account: hub, subject: "lovage.d.>" } }
          { service: { account: hub, subject: "lovage.s.>" } }, { service: { account: hub, subject: "lovage.x.>" } }
          { stream: { account: hub, subject: "lovage.kv.>" } }, { stream: { account: hub, subject: "lovage.n.>" } }
          { stream: { account: hub, subject: "lovage.w.>" } }
        ]
      }
    }`,
  );
  await using server = await startNats(["-c", file]);
  const team = { servers: server.url, user: "team", password: "pw" };
  await using broker = natsBroker({ ...team, apiPrefix: "hub.api" });
  await works(broker);
  await delaysAndRetries(broker);
  await using byUrl = openBroker(new URL(`nats://team:pw@127.0.0.1:${server.port}?apiPrefix=hub.api`), {
    directory: folder,
  });
  await works(byUrl);
  // The account itself has no JetStream.
  await using without = natsBroker({ ...team, operationTimeoutMs: 500 });
  await expect(without.connect({ signal: AbortSignal.timeout(1_500) })).rejects.toThrow();
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

it("tells a doctor what it found: version, copies, delays, and what a power cut may take", async () => {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url });
  await broker.connect();
  await broker.ensureQueue({ name: "mail" });
  const of = async (check: string): Promise<Diagnosis | undefined> =>
    (await broker.diagnose?.())?.find((each) => each.check === check);
  const version = await withLink({ servers: server.url }, async ({ connection: { info } }) => info?.version ?? "");
  const parsed = parseVersion(version) as Version;
  const advised = atLeastVersion(parsed, { major: 2, minor: 10, patch: 23 });
  expect(await of("server")).toMatchObject(
    advised
      ? { level: "ok", finding: `NATS ${version}` }
      : { level: "warning", advice: "use 2.10.23 or newer", finding: expect.stringContaining(version) },
  );
  expect(await of("queue mail")).toMatchObject({
    level: "warning",
    finding: expect.stringContaining("one copy"),
    advice: expect.stringContaining("replicas: 3"),
  });
  expect(await of("durability")).toMatchObject({
    level: "warning",
    advice: expect.stringContaining("sync_interval: always"),
  });
  const { schedules } = featuresOf(parsed);
  expect((await of("delays"))?.finding).toMatch(schedules ? /^kept by the server as schedules$/ : /elected worker/);
  if (!schedules) return;
  await using limited = natsBroker({ servers: server.url, maxBytes: 1_000_000 });
  await limited.connect();
  await limited.ensureQueue({ name: "limited" });
  expect((await of("delays"))?.finding).toMatch(/elected worker in limited /);
  await withStreams({ servers: server.url }, async (streams) => {
    const info = await streams.info("lovage-q-mail");
    if (info !== undefined) await streams.update({ ...info.config, max_bytes: 1_000_000 });
  });
  expect(await of("delays")).toMatchObject({ level: "error", finding: expect.stringContaining("streams of mail ") });
});
