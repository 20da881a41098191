/**
 * The server that documents are fetched from, a process of its own: `node document-server.js <root> <median latency in ms> <share of
 * documents whose first request fails>`. Sends its port to its parent when it listens, and ends with it.
 */

import { readFile, realpath } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isAbsolute, join, relative } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isUnlucky, latencyOf } from "./latency.ts";

const [folder = ".", medianMs = "150", unlucky = "0"] = process.argv.slice(2);
const root = await realpath(folder);
const failedOnce = new Set<string>();

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    response.writeHead((error as NodeJS.ErrnoException).code === "ENOENT" ? 404 : 500).end(String(error));
  });
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname.slice(1));
  await wait(latencyOf(path, Number(medianMs)));
  if (isUnlucky(path, Number(unlucky)) && !failedOnce.has(path)) {
    failedOnce.add(path);
    response.writeHead(503, { "retry-after": "1" }).end("overloaded, try again");
    return;
  }
  const file = await realpath(join(root, path));
  const inside = relative(root, file);
  if (inside.startsWith("..") || isAbsolute(inside)) response.writeHead(403).end();
  else response.writeHead(200, { "content-type": "text/markdown; charset=utf-8" }).end(await readFile(file));
}

server.keepAliveTimeout = 30_000;
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => {}); // the terminal sends it to everyone; our parent says when to end
