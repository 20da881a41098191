import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tcpProxy } from "@lovage/conformance";
import { expect, onTestFinished, test } from "vitest";
import { proxyFaults, strikeProxy } from "../src/rigs/proxied.ts";

async function echoing(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("every fault of a proxied rig takes effect by its name, and ends", async () => {
  await using proxy = await tcpProxy({ port: await echoing() });
  const answered = async (): Promise<string> => {
    const socket = connect({ host: proxy.host, port: proxy.port }).on("error", () => {});
    socket.write("hello");
    const [answer] = await once(socket, "data");
    socket.destroy();
    return String(answer);
  };
  for (const { name } of proxyFaults("lease")) {
    const end = await strikeProxy(proxy, name);
    await end?.();
    expect(await answered(), name).toBe("hello");
  }
  expect(strikeProxy(proxy, "restart"), "the server's own faults are the rig's").toBeUndefined();
});

test("only where the connection owns may a cut make work run again", () => {
  expect(new Set(proxyFaults("lease").map(({ excuses }) => excuses))).toEqual(new Set([false]));
  expect(new Set(proxyFaults("connection").map(({ excuses }) => excuses))).toEqual(new Set([true]));
});
