import type { Broker, ControlChannel, ResultStore } from "@lovage/core/contracts";
import { CapabilityMissingError } from "@lovage/core/contracts";
import { connectWithin, type OpenOptions, openPlaces } from "../adapters/open.ts";
import type { PlaceFlags } from "./common-options.ts";

/** A person waits at the terminal. */
const CONNECT_MS = 5_000;

/** Runs `use` with a connected broker, and closes it whatever happens. */
export async function withBroker<T>(
  flags: Pick<PlaceFlags, "broker">,
  use: (broker: Broker) => Promise<T>,
  open: OpenOptions = {},
): Promise<T> {
  return withPlacesOpen({ broker: flags.broker, results: "none" }, ({ broker }) => use(broker), open);
}

/** As {@link withBroker}, with the result store where there is one. */
export async function withPlacesOpen<T>(
  flags: PlaceFlags,
  use: (places: { broker: Broker; results?: ResultStore }) => Promise<T>,
  open: OpenOptions = {},
): Promise<T> {
  const places = await openPlaces(flags, { purpose: "command", ...open });
  try {
    await connectWithin(places, CONNECT_MS);
    return await use(places);
  } finally {
    await Promise.all([places.results?.close(), places.broker.close()]);
  }
}

/** The control channel, or the error that says that this broker has none. */
export function controlOf(broker: Broker): ControlChannel {
  if (broker.control !== undefined) return broker.control;
  throw new CapabilityMissingError(
    `${broker.name} carries no control messages, so running workers cannot be asked; look at their log, or at /metrics with --http`,
    { subject: { capability: "control" } },
  );
}
