/** Who is to blame for an error that nobody caught: the async context at the moment it was thrown says which run made it. */

import { runStorage } from "../../app/run-storage.ts";

export interface Culprit {
  readonly id: string;
  readonly attempt: number;
}

/**
 * Takes over what Node does with uncaught errors in this thread or process. `onError` hears each once, with the run whose code it
 * came from; undefined when no run's did.
 */
export function catchUncaught(onError: (error: unknown, culprit: Culprit | undefined) => void): void {
  process.on("uncaughtException", (error) => onError(error, runStorage.getStore()));
  process.on("unhandledRejection", (error) => onError(error, runStorage.getStore()));
}
