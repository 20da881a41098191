/** Brokers and result stores by URL. */

import path from "node:path";
import { type Broker, BrokerUnavailableError, ConfigurationError, type ResultStore } from "@lovage/core/contracts";
import type { AdapterOptions, BrokerModule, Purpose } from "./adapter-module.ts";
import { BUILT_IN } from "./built-in.ts";
import { loadPackage } from "./load-package.ts";
import { missingAdapter, packageOf, parseAdapterUrl, schemeOf } from "./scheme.ts";

export const DEFAULT_BROKER_URL = "sqlite:./lovage.db";

export interface OpenOptions {
  /** Folder from which adapter packages are looked for first: the app's. Default: the working directory. */
  readonly from?: string;
  /** Folder that relative paths in a URL start from. Default: the working directory. */
  readonly directory?: string;
  /** What the broker is opened for. Default `producer`. */
  readonly purpose?: Purpose;
  /** Where the URL came from, for messages. Default `broker URL`. */
  readonly what?: string;
}

async function adapterFor(url: URL, options: OpenOptions): Promise<BrokerModule> {
  const scheme = schemeOf(url);
  const builtIn = BUILT_IN[scheme];
  if (builtIn !== undefined) return builtIn();
  const name = packageOf(scheme);
  const cwd = process.cwd();
  const module = await loadPackage(name, [options.from ?? cwd, cwd, import.meta.dirname], missingAdapter(scheme));
  if (typeof (module as Partial<BrokerModule>).openBroker !== "function") {
    throw new ConfigurationError(
      `the package ${name} exports no function openBroker(url, options), so it serves no URL`,
    );
  }
  return module as BrokerModule;
}

function adapterOptions(options: OpenOptions): AdapterOptions {
  return { directory: path.resolve(options.directory ?? process.cwd()), purpose: options.purpose ?? "producer" };
}

/** A broker that is not yet connected. Rejects with `ConfigurationError` for a URL that cannot work or an adapter that is not installed. */
export async function openBroker(url: string, options: OpenOptions = {}): Promise<Broker> {
  const parsed = parseAdapterUrl(url, options.what ?? "broker URL");
  return (await adapterFor(parsed, options)).openBroker(parsed, adapterOptions(options));
}

/** A result store that is not yet connected; undefined where this kind of server keeps none. Rejects as {@link openBroker}. */
export async function openResults(url: string, options: OpenOptions = {}): Promise<ResultStore | undefined> {
  const parsed = parseAdapterUrl(url, options.what ?? "results URL");
  return (await adapterFor(parsed, options)).openResults?.(parsed, adapterOptions(options));
}

export interface PlaceOptions {
  readonly broker: string;
  /** URL, or `none`. Default: at the broker's place, if results can be kept there for anyone. */
  readonly results?: string;
}

/** Broker and result store as a person asked for them. A result store that was asked for and cannot be is an error. */
export async function openPlaces(
  places: PlaceOptions,
  options: OpenOptions = {},
): Promise<{ broker: Broker; results?: ResultStore }> {
  const broker = await openBroker(places.broker, { what: "--broker", ...options });
  if (places.results === "none") return { broker };
  const results = await openResults(places.results ?? places.broker, { what: "--results", ...options });
  if (results === undefined && places.results !== undefined) {
    const { protocol } = new URL(places.results);
    throw new ConfigurationError(`--results: "${protocol}" keeps no results; name another place, or none`);
  }
  // Sending each result to its caller costs something, and keeps it for nobody else: whoever wants that says so.
  if (places.results === undefined && results?.capabilities.keptFor === "caller") return { broker };
  return results === undefined ? { broker } : { broker, results };
}

export interface ConnectOptions extends OpenOptions {
  /** URL of the result store, or `none`. Default: at the broker's place, if results can be kept there for anyone. */
  readonly results?: string;
  /** How long to try, in ms. Default 10,000. */
  readonly timeoutMs?: number;
}

/** What `createApp` takes; `app.close()` closes both. */
export interface Connection {
  readonly broker: Broker;
  readonly results?: ResultStore;
}

/**
 * For producers: broker and result store, connected, ready for `createApp({ tasks, ...(await connect(url)) })`. The URL defaults to
 * `LOVAGE_BROKER`, else the embedded `sqlite:./lovage.db`. Rejects with `BrokerUnavailableError` when the time is up, leaving nothing
 * open.
 */
export async function connect(
  url: string = process.env.LOVAGE_BROKER ?? DEFAULT_BROKER_URL,
  options: ConnectOptions = {},
): Promise<Connection> {
  const results = options.results ?? process.env.LOVAGE_RESULTS;
  const opened = await openPlaces({ broker: url, ...(results === undefined ? {} : { results }) }, options);
  try {
    await connectWithin(opened, options.timeoutMs ?? 10_000);
  } catch (error) {
    await Promise.all([opened.results?.close(), opened.broker.close()]);
    throw error;
  }
  return opened;
}

/** Connects both. Rejects with `BrokerUnavailableError` after `timeoutMs`, with what the broker last said. */
export async function connectWithin(
  places: { readonly broker: Broker; readonly results?: ResultStore },
  timeoutMs: number,
): Promise<void> {
  const { broker, results } = places;
  let last: unknown;
  const unlisten = broker.onEvent((event) => {
    if (event.type === "disconnected") last = event.error ?? last;
  });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await Promise.all([broker.connect({ signal }), results?.connect({ signal })]);
  } catch (error) {
    if (!signal.aborted) throw error;
    const why = last instanceof Error ? `: ${last.message}` : "";
    throw new BrokerUnavailableError(
      `${broker.name} at ${broker.address} did not answer within ${timeoutMs} ms${why}`,
      {
        cause: last ?? error,
      },
    );
  } finally {
    unlisten();
  }
}
