/**
 * A TCP proxy on loopback that fails as networks do: what an adapter to a server puts between its client and the server, to give the
 * kit the faults `freeze`, `dropReplies`, `reset`, `refuse` and `halfOpen`.
 *
 * A link is a client's connection and the one to the server behind it. Bytes pass in order and unchanged; what a fault held back is
 * passed afterwards, what it swallowed leaves a hole in the stream, so such a link is cut when the fault ends, as TCP would.
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { BrokerFaults, Undo } from "./broker/harness.ts";

export interface ProxyTarget {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** Ready to be the `faults` of a harness: `faults: { ...proxy.faults, restart }`. */
export type ProxyFaults = Required<Pick<BrokerFaults, "freeze" | "dropReplies" | "reset" | "refuse" | "halfOpen">>;

export interface TcpProxy extends AsyncDisposable {
  readonly host: string;
  /** Where clients connect. */
  readonly port: number;
  /** Links that are open. */
  readonly links: number;
  readonly faults: ProxyFaults;
  /** Nothing passes in either direction, not even the end of a connection, until the function it gives is called. New connections are made, and wait. */
  freeze(): Undo;
  /** What the server says is swallowed until the function it gives is called, which cuts the links that missed something. */
  dropReplies(): Undo;
  /** Cuts every link, with an RST to both sides. New ones succeed. */
  reset(): void;
  /** Cuts every link, and each new one as soon as it is made, until the function it gives is called: a server that is not there. */
  refuse(): Undo;
  /** Links that are open go silent for good, and nobody is told; new ones work. The function it gives cuts them. */
  halfOpen(): Undo;
  /** Whatever arrives from now on passes this much later, in each direction, in ms, until the function it gives is called. */
  delay(ms: number): Undo;
  /** After this many more bytes from clients have passed, over all links, every link is cut: within a frame, if the number says so. Once. */
  cutAfter(bytes: number): void;
  /** Cuts every link and listens no more. */
  close(): Promise<void>;
}

/** What is under way in one direction of a link before the sender is made to wait. */
const MOST_BYTES = 256 * 1024;
/** Stands for the end of a stream. */
const END = Buffer.alloc(0);

/** Listens on a free port of loopback. The server need not be there yet: a link to one that is not is cut. */
export async function tcpProxy(target: ProxyTarget): Promise<TcpProxy> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return new Proxying(listener, target);
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Something that the server said was swallowed. */
  missed: boolean;
  /** Nothing passes any more, not even its end. */
  silent: boolean;
}

class Proxying implements TcpProxy {
  readonly host: string = "127.0.0.1";
  readonly port: number;
  readonly faults: ProxyFaults = {
    freeze: async () => this.freeze(),
    dropReplies: async () => this.dropReplies(),
    reset: async () => this.reset(),
    refuse: async () => this.refuse(),
    halfOpen: async () => this.halfOpen(),
  };
  readonly #listener: Server;
  readonly #target: ProxyTarget;
  readonly #links = new Set<Link>();
  readonly #freezes = new Set<Promise<void>>();
  #deaf = false;
  #refusals = 0;
  #delayMs = 0;
  #bytesLeft = Number.POSITIVE_INFINITY;

  constructor(listener: Server, target: ProxyTarget) {
    this.#listener = listener;
    this.#target = target;
    this.port = (listener.address() as AddressInfo).port;
    listener.on("connection", (client) => this.#begin(client));
  }

  get links(): number {
    return this.#links.size;
  }

  freeze(): Undo {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#freezes.add(promise);
    return async () => {
      this.#freezes.delete(promise);
      resolve();
    };
  }

  dropReplies(): Undo {
    this.#deaf = true;
    return async () => {
      this.#deaf = false;
      for (const link of [...this.#links]) if (link.missed) this.#cut(link);
    };
  }

  reset(): void {
    for (const link of [...this.#links]) this.#cut(link);
  }

  refuse(): Undo {
    this.#refusals += 1;
    this.reset();
    return async () => {
      this.#refusals -= 1;
    };
  }

  halfOpen(): Undo {
    const silenced = [...this.#links];
    for (const link of silenced) link.silent = true;
    return async () => {
      for (const link of silenced) this.#cut(link);
    };
  }

  delay(ms: number): Undo {
    this.#delayMs = ms;
    return async () => {
      this.#delayMs = 0;
    };
  }

  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  async close(): Promise<void> {
    this.reset();
    if (!this.#listener.listening) return;
    this.#listener.close();
    await once(this.#listener, "close");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #begin(client: Socket): void {
    if (this.#refusals > 0) {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const { host = "127.0.0.1", port } = this.#target;
    const server = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const link: Link = { client, server, missed: false, silent: false };
    this.#links.add(link);
    for (const socket of [client, server]) {
      // Also for a target that is not there. A frozen wire does not pass on that one side broke, either.
      socket.on("error", () => void this.#passable().then(() => link.silent || this.#cut(link)));
      socket.on("close", () => {
        if (client.destroyed && server.destroyed) this.#links.delete(link);
      });
    }
    const pumps = [
      this.#pump(client, server, (bytes) => (link.silent ? undefined : this.#fromClient(link, bytes))),
      this.#pump(server, client, (bytes) => (link.silent ? undefined : this.#fromServer(link, bytes))),
    ];
    Promise.all(pumps).catch(() => link.silent || this.#cut(link));
  }

  /** Passes on until `from` ends, and then its end. Rejects when it breaks. What `pass` gives nothing for is swallowed. */
  async #pump(from: Socket, to: Socket, pass: (bytes: Buffer) => Buffer | undefined): Promise<void> {
    const closed = new Promise((resolve) => to.once("close", resolve));
    let last: Promise<void> = Promise.resolve();
    let underWay = 0;
    const send = async (bytes: Buffer, dueAt: number): Promise<void> => {
      await this.#passable(dueAt);
      underWay -= bytes.length;
      const passed = pass(bytes);
      if (passed === undefined || to.destroyed || to.write(passed)) return;
      await Promise.race([closed, new Promise((resolve) => to.once("drain", resolve))]);
    };
    for await (const bytes of from as AsyncIterable<Buffer>) {
      const dueAt = performance.now() + this.#delayMs;
      underWay += bytes.length;
      last = last.then(() => send(bytes, dueAt));
      if (underWay > MOST_BYTES) await last;
    }
    await last;
    await this.#passable();
    if (pass(END) !== undefined) to.end();
  }

  async #passable(dueAt = 0): Promise<void> {
    const ms = dueAt - performance.now();
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    while (this.#freezes.size > 0) await Promise.all(this.#freezes);
  }

  #fromClient({ server }: Link, bytes: Buffer): Buffer | undefined {
    if (bytes.length < this.#bytesLeft) {
      this.#bytesLeft -= bytes.length;
      return bytes;
    }
    // The server sees all of the last bytes, and then that nothing follows.
    server.end(bytes.subarray(0, this.#bytesLeft), () => this.reset());
    this.#bytesLeft = Number.POSITIVE_INFINITY;
    return undefined;
  }

  #fromServer(link: Link, bytes: Buffer): Buffer | undefined {
    if (!this.#deaf) return bytes;
    link.missed = true;
    return undefined;
  }

  #cut({ client, server }: Link): void {
    for (const socket of [client, server]) {
      // While the end of a socket is on its way, the system refuses to reset it, and Node then leaves it open for good.
      const isEnding = socket.writableEnded && !socket.writableFinished;
      if (socket.connecting || isEnding) socket.destroy();
      else socket.resetAndDestroy();
    }
  }
}
