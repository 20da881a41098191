import type { Broker, ResultStore } from "@lovage/core/contracts";
import type { HarnessModule } from "./harness-module.ts";

/** What a broker's package exports so that `lovage --broker scheme:…` finds it. */
export interface BrokerAdapter {
  openBroker(url: URL, options: AdapterPlace): Broker | Promise<Broker>;
  openResults?(url: URL, options: AdapterPlace): ResultStore | Promise<ResultStore>;
}

export interface AdapterPlace {
  /** Absolute folder that relative paths in the URL start from. */
  readonly directory: string;
  readonly purpose: "worker";
}

export interface AdapterAddress {
  /** URL of the module that exports `openBroker`: child processes import it too. */
  readonly module: string;
  /** URL of the place where messages are. */
  readonly place: URL;
  readonly directory: string;
}

const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/** Harnesses for an adapter that has none of its own: connections by its URL, contention across processes, no faults. */
export function adapterHarness(adapter: BrokerAdapter, { module, place, directory }: AdapterAddress): HarnessModule {
  const options: AdapterPlace = { directory, purpose: "worker" };
  const name = place.protocol.slice(0, -1);
  return {
    brokerHarness: {
      name,
      create: () => adapter.openBroker(place, options),
      spawnable: {
        module: new URL(`./adapter-process${extension}`, import.meta.url),
        args: [module, place.href, directory],
      },
    },
    ...(adapter.openResults === undefined
      ? {}
      : { resultStoreHarness: { name, create: () => adapter.openResults?.(place, options) as ResultStore } }),
  };
}
