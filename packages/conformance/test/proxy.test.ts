import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { eventually } from "@lovage/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { type TcpProxy, tcpProxy } from "../src/index.ts";
import { resources } from "../src/resources.ts";

/** A server that says what it hears, keeps what it heard, and ends when its client does. */
async function echo(): Promise<{ readonly port: number; readonly heard: () => string; readonly ended: () => number }> {
  const heard: Buffer[] = [];
  const sockets = new Set<Socket>();
  let ended = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("data", (bytes) => heard.push(bytes));
    socket.on("end", () => {
      ended += 1;
    });
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return { port, heard: () => Buffer.concat(heard).toString(), ended: () => ended };
}

interface Client {
  readonly socket: Socket;
  readonly heard: () => string;
  says(text: string): void;
  hears(text: string): Promise<void>;
  /** How its connection ended: the code of the error, or `end`. */
  readonly ending: Promise<string>;
}

async function client({ host, port }: TcpProxy): Promise<Client> {
  const socket = connect({ host, port, noDelay: true });
  const heard: Buffer[] = [];
  socket.on("data", (bytes) => heard.push(bytes));
  const ending = new Promise<string>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("end", () => resolve("end"));
  });
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  const text = (): string => Buffer.concat(heard).toString();
  return {
    socket,
    heard: text,
    says: (words) => void socket.write(words),
    hears: async (words) => void (await eventually(`"${words}" to be heard`, () => text() === words)),
    ending,
  };
}

async function between(): Promise<{ server: Awaited<ReturnType<typeof echo>>; proxy: TcpProxy }> {
  const server = await echo();
  const proxy = await tcpProxy(server);
  onTestFinished(() => proxy.close());
  return { server, proxy };
}

/** Bytes that could pass on loopback would have, several times over. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

test("passes bytes unchanged in both directions, however many, and the end of a connection", async () => {
  const { server, proxy } = await between();
  const { socket, ending } = await client(proxy);
  const bytes = randomBytes(5_000_000);
  const back = createHash("sha256");
  let length = 0;
  socket.on("data", (part) => {
    back.update(part);
    length += part.length;
  });
  socket.end(bytes);
  expect(await ending).toBe("end");
  expect(length).toBe(bytes.length);
  expect(back.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  expect(server.ended()).toBe(1);
  await eventually("the link to be gone", () => proxy.links === 0);
});

test("frozen, it passes nothing in either direction and makes nobody aware of it; thawed, all that it held, in order", async () => {
  const { server, proxy } = await between();
  const before = await client(proxy);
  before.says("1");
  await before.hears("1");
  const thaw = proxy.freeze();
  before.says("2");
  const during = await client(proxy);
  during.says("a");
  const leaving = await client(proxy);
  leaving.socket.end();
  await aWhile();
  before.says("3");
  await aWhile();
  expect([server.heard(), before.heard(), during.heard(), server.ended()]).toEqual(["1", "1", "", 0]);
  await thaw();
  await before.hears("123");
  await during.hears("a");
  await leaving.ending;
  expect(server.ended()).toBe(1);
});

test("two freezes hold until both are over", async () => {
  const { proxy } = await between();
  const here = await client(proxy);
  const [first, second] = [proxy.freeze(), proxy.freeze()];
  here.says("1");
  await second();
  await aWhile();
  expect(here.heard()).toBe("");
  await first();
  await here.hears("1");
});

test("drops replies that the server gave, and then cuts the links that missed some, not the others", async () => {
  const { server, proxy } = await between();
  const missing = await client(proxy);
  const silent = await client(proxy);
  const restore = proxy.dropReplies();
  missing.says("request");
  await eventually("the server to hear it", () => server.heard() === "request");
  await aWhile();
  expect(missing.heard()).toBe("");
  await restore();
  expect(await missing.ending).toBe("ECONNRESET");
  expect(missing.heard()).toBe("");
  silent.says("again");
  await silent.hears("again");
});

test("resets every link at once; new ones succeed", async () => {
  const { proxy } = await between();
  const all = [await client(proxy), await client(proxy)];
  for (const one of all) one.says("x");
  for (const one of all) await one.hears("x");
  proxy.reset();
  expect(await Promise.all(all.map(({ ending }) => ending))).toEqual(["ECONNRESET", "ECONNRESET"]);
  const next = await client(proxy);
  next.says("y");
  await next.hears("y");
  expect(proxy.links).toBe(1);
});

test("cuts a link also while its end is on its way", async () => {
  const { proxy } = await between();
  const sockets = (): number => resources().get("TCPSocketWrap") ?? 0;
  const before = sockets();
  const one = await client(proxy);
  one.says("here");
  await one.hears("here");
  const thaw = proxy.freeze();
  one.socket.end();
  await aWhile();
  await thaw();
  // The end is passed on in this turn of the event loop, and has not arrived before the next.
  for (let step = 0; step < 20; step += 1) await undefined;
  proxy.reset();
  await eventually("all sockets to be closed", () => sockets() === before);
});

test("delays each direction by as much as it was told and keeps the order, until it is over", async () => {
  const { proxy } = await between();
  const here = await client(proxy);
  const hasten = proxy.delay(100);
  const startedAt = performance.now();
  for (const word of ["1", "2", "3"]) {
    here.says(word);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await here.hears("123");
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200);
  await hasten();
  here.says("4");
  await here.hears("1234");
});

test("cuts every link after as many bytes as it was told, in the middle of what is sent, once", async () => {
  const { server, proxy } = await between();
  const idle = await client(proxy);
  const sending = await client(proxy);
  proxy.cutAfter(5);
  sending.says("abc");
  await sending.hears("abc");
  sending.says("defgh");
  expect(await sending.ending).toBe("ECONNRESET");
  expect(await idle.ending).toBe("ECONNRESET");
  expect(server.heard()).toBe("abcde");
  const next = await client(proxy);
  next.says("a longer text");
  await next.hears("a longer text");
});

test("cuts a link to a server that is not there", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  await using proxy = await tcpProxy({ port });
  const here = await client(proxy);
  expect(await here.ending).toBe("ECONNRESET");
  await eventually("the link to be gone", () => proxy.links === 0);
});

test("closes although links are open and frozen, as often as asked", async () => {
  const { proxy } = await between();
  const here = await client(proxy);
  proxy.freeze();
  here.says("x");
  await proxy.close();
  await proxy.close();
  expect(await here.ending).toBe("ECONNRESET");
  expect(proxy.links).toBe(0);
});

test("its faults are what a harness takes", async () => {
  const { proxy } = await between();
  const here = await client(proxy);
  const thaw = await proxy.faults.freeze();
  here.says("x");
  await aWhile();
  expect(here.heard()).toBe("");
  await thaw();
  await here.hears("x");
  await proxy.faults.reset();
  expect(await here.ending).toBe("ECONNRESET");
});

test("refusing cuts links and lets nobody in, until it ends", async () => {
  const server = await echo();
  await using proxy = await tcpProxy({ port: server.port });
  const before = await client(proxy);
  before.says("a");
  await before.hears("a");
  const end = proxy.refuse();
  expect(await before.ending).toBe("ECONNRESET");
  const turnedAway = connect({ host: proxy.host, port: proxy.port });
  const [{ code }] = (await once(turnedAway, "error")) as [NodeJS.ErrnoException];
  expect(code).toBe("ECONNRESET");
  await end();
  const after = await client(proxy);
  after.says("b");
  await after.hears("b");
  expect(server.heard()).toBe("ab");
});

test("a half-open link passes nothing more, not even its end, while new ones work; then it is cut", async () => {
  const server = await echo();
  await using proxy = await tcpProxy({ port: server.port });
  const [silent, leaving] = [await client(proxy), await client(proxy)];
  for (const each of [silent, leaving]) {
    each.says("a");
    await each.hears("a");
  }
  const end = proxy.halfOpen();
  silent.says("lost");
  leaving.socket.destroy();
  const fresh = await client(proxy);
  fresh.says("b");
  await fresh.hears("b");
  expect([server.heard(), server.ended(), silent.heard()]).toEqual(["aab", 0, "a"]);
  await end();
  expect(await silent.ending).toBe("ECONNRESET");
  await eventually("the links to be gone", () => proxy.links === 1);
});
