/**
 * Credit that changes, on a server where a consumer's window (its prefetch) is fixed when it begins. A consumption has several consumers
 * on its channel, whose windows together never exceed the credit: raising it adds one, lowering it cancels some. What a
 * cancelled one had been given stays ours, and counts until it is settled.
 */

export interface Window {
  readonly size: number;
  /** What it was given and is not settled. */
  readonly outstanding: number;
  readonly open: boolean;
}

export type Change<W extends Window> =
  | { readonly do: "open"; readonly size: number }
  | { readonly do: "cancel"; readonly window: W };

/** More consumers than this on one queue are merged. */
const MOST = 8;

/** The next change that brings windows nearer to the credit; `patient`: not for the sake of a little room, which may grow. */
export function nextChange<W extends Window>(
  windows: readonly W[],
  credit: number,
  patient: boolean,
): Change<W> | undefined {
  let promised = 0;
  for (const { open, size, outstanding } of windows) promised += open ? size : outstanding;
  const open = windows.filter((window) => window.open).sort((a, b) => a.size - b.size);
  if (promised > credit) {
    const excess = promised - credit;
    const window = open.find(({ size }) => size >= excess) ?? open.at(-1);
    return window && { do: "cancel", window };
  }
  const room = Math.floor(credit - promised);
  if (room === 0) return undefined;
  if (open.length >= MOST) return { do: "cancel", window: open[0] as W };
  if (patient && open.length > 0 && room < credit / 4) return undefined;
  return { do: "open", size: room };
}
