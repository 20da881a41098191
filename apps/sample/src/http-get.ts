/** A GET over a kept connection. */

import { type Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

export interface GetOptions {
  readonly agent: Agent | undefined;
  readonly signal: AbortSignal;
}

/** The body of a 200. Anything else, and a connection that breaks, rejects with a message that names the address. */
export async function get(url: URL, options: GetOptions): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent: options.agent ?? false, signal: options.signal }, resolve)
      .on("error", reject)
      .end();
  });
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`GET ${url.pathname}: ${response.statusCode} ${body.slice(0, 100)}`);
  return body;
}
