/** Ways in: TLS, certificates, passwords, virtual hosts, several nodes; and what is said where there is none. */

import { randomUUID } from "node:crypto";
import { tcpProxy } from "@lovage/conformance";
import type { Broker, Delivery } from "@lovage/core/contracts";
import { eventLog, eventually } from "@lovage/core/testing";
import { freePorts, startRabbitMq } from "@lovage/services";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { openBroker, type RabbitMqBrokerOptions, rabbitMqBroker, rabbitMqReplies } from "../src/index.ts";
import { certificates } from "./certificates.ts";

const files = await certificates();
files.sign("server", "localhost");
files.sign("client", "by-certificate");
files.sign("nobody", "unheard-of");
files.sign("forged", "by-certificate", "stranger");

const [tlsPort, port6, apiPort] = (await freePorts(3)) as [number, number, number];
const server = await startRabbitMq({
  plugins: ["rabbitmq_auth_mechanism_ssl", "rabbitmq_management"],
  settings: [
    `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
    `listeners.tcp.2 = ::1:${port6}`,
    `ssl_options.cacertfile = ${files.file("ca.pem")}`,
    `ssl_options.certfile = ${files.file("server.pem")}`,
    `ssl_options.keyfile = ${files.file("server.key")}`,
    `management.ssl.port = ${apiPort}`,
    "management.ssl.ip = 127.0.0.1",
    `management.ssl.cacertfile = ${files.file("ca.pem")}`,
    `management.ssl.certfile = ${files.file("server.pem")}`,
    `management.ssl.keyfile = ${files.file("server.key")}`,
    "ssl_options.verify = verify_peer",
    "ssl_options.fail_if_no_peer_cert = false",
    "ssl_cert_login_from = common_name",
    "auth_mechanisms.1 = PLAIN",
    "auth_mechanisms.2 = EXTERNAL",
  ],
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});
const amqps = `amqps://localhost:${tlsPort}`;
const tls = { ca: files.read("ca.pem") };
const withCertificate = (name: string): RabbitMqBrokerOptions => ({
  url: amqps,
  tls: { ...tls, cert: files.read(`${name}.pem`), key: files.read(`${name}.key`) },
});

/** As Erlang writes it, whatever it takes its input for. */
const bytes = (text: string): string => `<<${[...Buffer.from(text)].join(",")}>>`;

function opened(options: RabbitMqBrokerOptions | string): Broker {
  const broker = rabbitMqBroker(options);
  onTestFinished(() => broker.close());
  return broker;
}

/** It publishes, and gets what it published. */
async function works(broker: Broker): Promise<void> {
  onTestFinished(() => broker.close());
  await broker.connect({ signal: AbortSignal.timeout(20_000) });
  const queue = randomUUID();
  await broker.ensureQueue({ name: queue });
  const held: Delivery[] = [];
  await broker.consume({ queue, credit: 1 }, (batch) => held.push(...batch));
  const outcomes = await broker.publish([{ id: "m", queue, headers: { task: "t" }, body: "[[]]", priority: 5 }]);
  expect(outcomes).toEqual([{ id: "m", status: "accepted" }]);
  await eventually("the message", () => held.length === 1);
  expect(await held[0]?.ack()).toBe("done");
  await broker.destroyQueue(queue);
}

async function turnedAway(options: RabbitMqBrokerOptions | string, code: string, says: RegExp): Promise<void> {
  const broker = opened(options);
  const error: unknown = await broker
    .connect({ signal: AbortSignal.timeout(10_000) })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, retryable: false, message: expect.stringMatching(says) });
  expect(`${String(error)} ${broker.address}`).not.toContain("s3cret");
}

describe("TLS", () => {
  it("is trusted by an authority of one's own, given as an option or as a file in the URL", async () => {
    await works(opened({ url: amqps.replace("//", "//guest:guest@"), tls }));
    await works(
      openBroker(new URL(`amqps://guest:guest@localhost:${tlsPort}?cacertfile=ca.pem`), { directory: files.folder }),
    );
  });

  it("is not trusted without it, which is said at once", async () => {
    await turnedAway(amqps, "BROKER_CERTIFICATE", /certificate is not accepted.*\(ca\)/);
    await turnedAway({ url: amqps, tls: { ca: files.read("stranger.pem") } }, "BROKER_CERTIFICATE", /not accepted/);
  });

  it("is not trusted for another host name, unless that name is given", async () => {
    const byAddress = `amqps://guest:guest@127.0.0.1:${tlsPort}`;
    await turnedAway({ url: byAddress, tls }, "BROKER_CERTIFICATE", /not accepted.*servername/);
    await works(opened({ url: byAddress, tls: { ...tls, servername: "localhost" } }));
  });

  it("asked of a port that does not speak it is a configuration error", async () => {
    await turnedAway({ url: `amqps://localhost:${server.port}`, tls }, "CONFIGURATION", /not speak TLS.*5671/);
  });

  it("is what the management API is asked by, with the same authority", async () => {
    const management = `https://localhost:${apiPort}`;
    const broker = opened({ url: amqps.replace("//", "//guest:guest@"), tls, management });
    await works(broker);
    expect(broker.capabilities.depth.owned).toBe(true);
    const untrusting = opened({ url: server.url, management });
    const events = eventLog(untrusting);
    await works(untrusting);
    expect(untrusting.capabilities.depth.owned).toBe(false);
    await events.next("warning", ({ message }) => /management API.*certificate/.test(message));
  });

  it("carries results to their callers as well", async () => {
    await using store = rabbitMqReplies({ url: amqps.replace("//", "//guest:guest@"), tls });
    await store.connect();
    const id = randomUUID();
    const replyTo = (await store.expect?.([id])) as string;
    await store.write([{ id, task: "t", state: "succeeded", final: true, attempt: 1, replyTo }]);
    for await (const record of store.wait(id)) expect(record.state).toBe("succeeded");
  });
});

describe("a client certificate", () => {
  it("is a user's, by the name in it, where the URL names none", async () => {
    await server.ctl("add_user", "by-certificate", "never-used");
    await server.ctl("set_permissions", "by-certificate", ".*", ".*", ".*");
    await works(opened(withCertificate("client")));
    const url = `${amqps}?cacertfile=ca.pem&certfile=client.pem&keyfile=client.key`;
    await works(openBroker(new URL(url), { directory: files.folder }));
  });

  it("of a name that the server does not know is turned away", async () => {
    await turnedAway(withCertificate("nobody"), "BROKER_CREDENTIALS", /does not let us in.*client certificate/);
  });

  it("of another authority is not accepted by the server", async () => {
    await turnedAway(withCertificate("forged"), "BROKER_CERTIFICATE", /not accepted/);
  });

  it("is not asked for by a server that does not offer it: which plugin is missing is said", async () => {
    await server.evaluate("application:set_env(rabbit, auth_mechanisms, ['PLAIN']).");
    onTestFinished(async () => {
      await server.evaluate("application:set_env(rabbit, auth_mechanisms, ['PLAIN', 'EXTERNAL']).");
    });
    await turnedAway(withCertificate("client"), "BROKER_CREDENTIALS", /rabbitmq_auth_mechanism_ssl/);
  });
});

describe("a user", () => {
  it("with a wrong password, or unknown, is turned away", async () => {
    const at = `127.0.0.1:${server.port}`;
    await turnedAway(`amqp://guest:s3cret@${at}`, "BROKER_CREDENTIALS", /check user and password/);
    await turnedAway(`amqp://unknown:s3cret@${at}`, "BROKER_CREDENTIALS", /check user and password/);
  });

  it("may have any characters in name and password", async () => {
    const [name, password] = ["ü/@:", "p%40/ß?#"] as const;
    await server.evaluate(
      `rabbit_auth_backend_internal:add_user(${bytes(name)}, ${bytes(password)}, <<"tests">>), rabbit_auth_backend_internal:set_permissions(${bytes(name)}, <<"/">>, <<".*">>, <<".*">>, <<".*">>, <<"tests">>).`,
    );
    const [user, secret] = [encodeURIComponent(name), encodeURIComponent(password)];
    await works(opened(`amqp://${user}:${secret}@127.0.0.1:${server.port}`));
  });

  it("without the right to make queues is told which rights are needed", async () => {
    await server.ctl("add_user", "reader", "reader");
    await server.ctl("set_permissions", "reader", "", "", ".*");
    await turnedAway(`amqp://reader:reader@127.0.0.1:${server.port}`, "BROKER_PERMISSION", /configure, write and read/);
  });
});

describe("a virtual host", () => {
  it("that is not there, or not for this user, is a configuration error", async () => {
    const at = `127.0.0.1:${server.port}`;
    await turnedAway(`amqp://${at}/nowhere`, "BROKER_VHOST", /check its name/);
    await server.ctl("add_user", "outsider", "outsider");
    await turnedAway(`amqp://outsider:outsider@${at}/%2F`, "BROKER_VHOST", /user may use it/);
  });

  it("may have any characters; none is the default one, which may be written as well", async () => {
    const vhost = "a/b c%ü";
    await server.evaluate(`rabbit_vhost:add(${bytes(vhost)}, <<"tests">>).`);
    await server.evaluate(
      `rabbit_auth_backend_internal:set_permissions(<<"guest">>, ${bytes(vhost)}, <<".*">>, <<".*">>, <<".*">>, <<"tests">>).`,
    );
    await works(opened(`amqp://127.0.0.1:${server.port}/${encodeURIComponent(vhost)}`));
    const name = "default-host";
    const [bare, written] = [opened(server.url), opened(`${server.url}/%2F`)];
    await Promise.all([bare.connect(), written.connect()]);
    await bare.ensureQueue({ name });
    expect(await written.queues()).toContain(name);
    await bare.destroyQueue(name);
  });
});

describe("several nodes", () => {
  it("are tried in turn when the first is dead at the start, also by an address of six parts and in the URL", async () => {
    const [dead] = (await freePorts(1)) as [number];
    await works(opened({ url: [`amqp://127.0.0.1:${dead}`, `amqp://[::1]:${port6}`] }));
    await works(
      openBroker(new URL(`amqp://guest:guest@127.0.0.1:${dead}?failover=[::1]:${dead},[::1]:${port6}`), {
        directory: files.folder,
      }),
    );
  });

  it("are tried in turn when the one in use dies later, and work goes on", async () => {
    const [one, other] = [await tcpProxy({ port: server.port }), await tcpProxy({ port: server.port })];
    onTestFinished(async () => {
      await one.close();
      await other.close();
    });
    const broker = opened({ url: [`amqp://127.0.0.1:${one.port}`, `amqp://127.0.0.1:${other.port}`] });
    const events = eventLog(broker);
    await works(broker);
    await events.next("connected");
    await one.close();
    await events.next("disconnected");
    await events.next("connected");
    expect(other.links).toBeGreaterThan(0);
    await works(broker);
  });
});

it("agrees with the server on the heartbeat of the URL, and on none that is slower than the server's", async () => {
  const heartbeats = (): Promise<string> =>
    server.evaluate("lists:usort([{T} || [{timeout, T}] <- rabbit_networking:connection_info_all([timeout])]).");
  for (const [asked, agreed] of [
    [7, "[{7}]"],
    [600, "[{60}]"],
  ] as const) {
    const url = new URL(`amqp://guest:guest@127.0.0.1:${server.port}?heartbeat=${asked}`);
    await using broker = openBroker(url, { directory: files.folder });
    await eventually("others to have ended", async () => (await heartbeats()) === "[]");
    await broker.connect();
    expect(await heartbeats()).toBe(agreed);
  }
});

it.each(["amqp://", "http://host", "amqp://host:port", "rabbit", "amqp://host/%E0%A4%A", "amqp://a%E0%A4%A:b@host"])(
  "the URL %s is refused where it is given",
  (url) => {
    expect(() => rabbitMqBroker(url)).toThrow(expect.objectContaining({ code: "CONFIGURATION" }));
  },
);
