import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerEvent } from "@lovage/core/contracts";
import { freePort, provide, startRedis } from "@lovage/services";
import { expect, it } from "vitest";
import { redisBroker, redisResults } from "../src/index.ts";
import { messages, take } from "./messages.ts";

const PASSWORD = "s3cret-of-nobody";

it("works behind TLS, with a user and password, and an authority of one's own", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lovage-redis-tls-"));
  const openssl = await provide({ command: "openssl", debian: "openssl", variable: "PATH" });
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync(openssl, ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject], {
    stdio: "ignore",
  });
  const port = await freePort();
  const tls = ["--tls-port", `${port}`, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
  await using _server = await startRedis([
    ...tls,
    "--tls-auth-clients",
    "no",
    ...["--user", "lovage", "on", `>${PASSWORD}`, "~*", "&*", "+@all"],
  ]);
  const secure = { host: "localhost", port, username: "lovage", tls: { ca: await readFile(cert) } };

  const events: BrokerEvent[] = [];
  await using broker = redisBroker({ redis: { ...secure, password: PASSWORD } });
  broker.onEvent((event) => events.push(event));
  await broker.connect();
  await broker.ensureQueue({ name: "tls" });
  expect((await broker.publish(messages("tls", 3))).map(({ status }) => status)).toEqual(Array(3).fill("accepted"));
  for (const delivery of await (await take(broker, "tls", 3)).has(3)) expect(await delivery.ack()).toBe("done");

  await using results = redisResults({ redis: { ...secure, password: PASSWORD } });
  await results.connect();
  await results.write([{ id: "1", task: "t", state: "succeeded", final: true, attempt: 1 }]);
  expect(await results.read(["1"])).toMatchObject([{ state: "succeeded" }]);

  await using stranger = redisBroker({ redis: { ...secure, password: "wrong-and-secret" } });
  const refused = await stranger.connect().catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: expect.stringContaining("ACCESS_REFUSED") });
  expect(JSON.stringify([events, broker.address, stranger.address, String(refused)])).not.toMatch(/s3cret|wrong-and/);
  await rm(folder, { recursive: true });
});
