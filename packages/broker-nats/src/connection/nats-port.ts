/**
 * The port: all that this package asks of a client library. A connection of `@nats-io/transport-node` 3.x has this shape, and so has one
 * of `nats` 2.x, so either may be passed in; the types are spelt out here so that nothing depends on which. JetStream is spoken on it by
 * {@link NatsLink}: requests whose bodies are JSON, the same for both.
 */

import { randomBytes } from "node:crypto";

export interface NatsConnection {
  /** Of the server that it is connected to now. */
  readonly info?: NatsServerInfo | undefined;
  publish(subject: string, payload?: Uint8Array, options?: { reply?: string; headers?: never }): void;
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: NatsMessage) => void },
  ): NatsSubscription;
  flush(): Promise<void>;
  status(): AsyncIterable<unknown>;
  closed(): Promise<unknown>;
  isClosed(): boolean;
  close(): Promise<void>;
  getServer(): string;
  /** Cuts and begins anew; absent in older 2.x. */
  reconnect?(): Promise<void>;
}

export interface NatsServerInfo {
  readonly version: string;
  /** Another one after each start. */
  readonly server_id?: string;
  readonly max_payload: number;
  readonly server_name?: string;
  readonly jetstream?: boolean;
  readonly headers?: boolean;
}

export interface NatsMessage {
  readonly subject: string;
  readonly reply?: string | undefined;
  readonly data: Uint8Array;
  readonly headers?: NatsHeaders | undefined;
}

export interface NatsHeaders {
  /** Of a status message: 100, 404, 408, 409, 503. 0 otherwise. */
  readonly code: number;
  readonly description: string;
  get(name: string): string;
}

export interface NatsSubscription {
  unsubscribe(): void;
  /** Tells the server first; what it had sent until then still arrives. */
  drain(): Promise<void>;
}

export type HeaderLines = Readonly<Record<string, string>>;

/** Sends headers too. Both clients ask a headers object for its bytes and nothing else, so these are made here, once. */
export function send(
  connection: NatsConnection,
  subject: string,
  data: Uint8Array,
  reply?: string,
  headers?: HeaderBlock,
): void {
  connection.publish(subject, data, { ...(reply && { reply }), ...(headers && { headers: headers as never }) });
}

/** The headers of a message as they travel. */
export class HeaderBlock {
  readonly #bytes: Uint8Array;

  /** Values hold no line breaks: they are ids, numbers, and JSON. */
  constructor(lines: HeaderLines) {
    let text = "NATS/1.0\r\n";
    for (const name in lines) text += `${name}: ${lines[name]}\r\n`;
    this.#bytes = Buffer.from(`${text}\r\n`);
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  encode(): Uint8Array {
    return this.#bytes;
  }
}

/** A subject that nobody else knows. */
export function inbox(prefix: string): string {
  return `${prefix}.${randomBytes(12).toString("base64url").replaceAll(/[-_]/g, "x")}`;
}
