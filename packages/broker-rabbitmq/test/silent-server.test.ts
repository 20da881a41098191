import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, expect, test } from "vitest";
import { rabbitMqBroker } from "../src/index.ts";

/** It takes connections and never says a word. */
const silent = createServer();
silent.listen(0, "127.0.0.1");
await once(silent, "listening");
afterAll(() => void silent.close());
const url = `amqp://127.0.0.1:${(silent.address() as AddressInfo).port}`;

/** Well before any timeout of the broker. */
const SOON = { timeout: 2_000 };

test("a connect that is called off leaves no connection open to a server that says nothing", SOON, async () => {
  const broker = rabbitMqBroker(url);
  const called = new AbortController();
  const taken = once(silent, "connection");
  const off = expect(broker.connect({ signal: called.signal })).rejects.toThrow("not any more");
  const [socket] = (await taken) as [Socket];
  const ended = once(socket.resume(), "close");
  called.abort(new Error("not any more"));
  await off;
  await ended;
});

test("closing does so too", SOON, async () => {
  const broker = rabbitMqBroker(url);
  const taken = once(silent, "connection");
  const off = expect(broker.connect()).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  const [socket] = (await taken) as [Socket];
  const ended = once(socket.resume(), "close");
  await broker.close();
  await off;
  await ended;
});
