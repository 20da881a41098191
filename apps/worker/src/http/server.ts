/** Health, readiness and metrics of a worker. It runs on the engine's loop, on which no task runs, so a blocked task fails no probe. */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigurationError } from "@lovage/core/contracts";
import type { Worker } from "@lovage/core/engine";
import type { HttpAddress } from "../flags/http-address.ts";
import type { Metrics } from "./metrics.ts";

export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:9464` */
  readonly url: string;
  close(): Promise<void>;
}

export interface HttpSources {
  readonly worker: Worker;
  /** Undefined until the metrics library is loaded, which readiness does not wait for. */
  readonly metrics: Promise<Metrics>;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(body)}\n`);
}

/** Why the worker takes no work now; empty when it does. */
function unreadiness(worker: Worker): readonly string[] {
  const { state } = worker;
  const reasons = state === "running" ? [] : [`worker is ${state}`];
  return state === "new" || worker.stats().broker.connected ? reasons : [...reasons, "broker is not connected"];
}

async function handle(path: string, sources: HttpSources, response: ServerResponse): Promise<void> {
  const { worker } = sources;
  if (path === "/healthz") answer(response, 200, { alive: true, state: worker.state });
  else if (path === "/readyz") {
    const reasons = unreadiness(worker);
    answer(response, reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
  } else if (path === "/metrics") {
    const metrics = await sources.metrics;
    const text = await metrics.text();
    response.writeHead(200, { "content-type": metrics.contentType });
    response.end(text);
  } else answer(response, 404, { error: "not found; there are /healthz, /readyz and /metrics" });
}

/** Listens. Rejects with `ConfigurationError` when the address cannot be used. */
export async function serveHttp(address: HttpAddress, sources: HttpSources): Promise<HttpServer> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      answer(response, 405, { error: "only GET and HEAD" });
      return;
    }
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    handle(path, sources, response).catch((error: unknown) => {
      answer(response, 500, { error: error instanceof Error ? error.message : String(error) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new ConfigurationError(`--http: cannot listen on ${address.host ?? ""}:${address.port}: ${cause.message}`, {
          cause,
        }),
      );
    });
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = address.host ?? "127.0.0.1";
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, close, [Symbol.asyncDispose]: close };
}
