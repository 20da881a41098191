/**
 * One queue whose priorities are divided into bands is several queues of the server, each with consumers of its own, and only one credit. What
 * the consumers of each band may be given is decided anew whenever messages have come to an end somewhere, or a turn has:
 *
 *     parked    nobody consumes. As soon as there is room, a look at how much waits in each band begins a turn
 *     flowing   more waits than there is room for: the favoured band has all of it, for a turn; those before it what they had when looked at
 *     full      what waited has filled the credit by chance: consumers that are full stay for the turn
 *     watching  nothing waits: each band has room for its next message. Lasts until something comes
 *
 * Nothing has to be watched for while there is no room: a message of whatever band could not be begun. So a band that is empty costs
 * nothing, and one that is not is looked at when there is room again. Only who has room for fewer messages than there are bands watches for more
 * than it may hold; what comes beyond goes back as soon as the consumer that it came by is closed.
 */

import { type Change, nextChange, type Window } from "./rabbitmq-windows.ts";

export type Plan = { readonly is: "parked" } | { readonly is: "full" } | Flowing | Watching;

interface Flowing {
  readonly is: "flowing";
  /** For new messages of the bands that go before the favoured in this turn: how many are there. 0 for those after it. */
  readonly grants: readonly number[];
  readonly favoured: number;
  /** When so many have come, what was counted is gone. */
  readonly counted: number;
  readonly credit: number;
}

interface Watching {
  readonly is: "watching";
  /** For consumers of each band, with what they have. */
  readonly shares: readonly number[];
  readonly credit: number;
}

export type Step<W extends Window> =
  | { readonly do: "look" }
  | (Change<W> & { readonly band: number })
  /** The credit is used up: what was planned for room is no longer true. */
  | { readonly do: "fill" };

export interface Situation<W extends Window> {
  readonly plan: Plan;
  /** Of each band, the highest first. */
  readonly bands: readonly (readonly W[])[];
  readonly credit: number;
  /** Not for the sake of a little more room, which may grow. */
  readonly patient: boolean;
  /** Messages that came since the last look. */
  readonly arrived: number;
  /** The turn has ended. */
  readonly over: boolean;
}

/** What to do with the room there is, when so many are `waiting` in each band, and the bands are to be served in this `order`. */
export function planned<W extends Window>(
  bands: readonly (readonly W[])[],
  waiting: readonly number[],
  credit: number,
  order: readonly number[],
): Plan {
  const owned = bands.map(outstanding);
  let room = credit - total(owned);
  const grants = bands.map(() => 0);
  let counted = 0;
  for (const band of order) {
    const there = waiting[band] ?? 0;
    counted += there;
    if (there > 0 && there >= room) return { is: "flowing", grants, favoured: band, counted, credit };
    grants[band] = there;
    room -= there;
  }
  // All of them fit, and what is left is for what comes.
  const each = Math.max(1, Math.floor(room / bands.length));
  const rest = Math.max(0, Math.floor(room) - each * bands.length);
  const shares = owned.map((own, band) => own + (grants[band] ?? 0) + each + (band === 0 ? rest : 0));
  return { is: "watching", shares, credit };
}

/** What is to be done next, or undefined while all is as planned. */
export function nextStep<W extends Window>(situation: Situation<W>): Step<W> | undefined {
  const { plan, bands, credit, patient, arrived, over } = situation;
  const room = credit - total(bands.map(outstanding));
  const excess = room < 1 ? closing(situation) : undefined;
  if (excess !== undefined) return excess;
  switch (plan.is) {
    case "parked":
    case "full":
      return room < 1 ? undefined : { do: "look" };
    case "flowing":
      if (room >= 1 && (over || arrived >= plan.counted || credit < plan.credit)) return { do: "look" };
      // Without room, too: what is not wanted closes before it is given more.
      return nearer(bands, flowingShares(plan, bands, credit), credit, patient);
    case "watching": {
      if (room < 1) return { do: "fill" };
      const grown = credit - plan.credit;
      if (grown < 0 || (grown > 0 && !(patient && grown < credit / 4))) return { do: "look" };
      const allWait = bands.every((windows) => windows.some(hungry));
      const step = nearer(bands, plan.shares, Math.max(credit, total(plan.shares)), patient && allWait);
      return step ?? (allWait ? undefined : { do: "look" });
    }
  }
}

/** The most that each band may be promised: the favoured what the others leave. */
function flowingShares(
  { grants, favoured }: Flowing,
  bands: readonly (readonly Window[])[],
  credit: number,
): readonly number[] {
  const shares = grants.map((grant, band) => grant + outstanding((bands[band] ?? []).filter(({ open }) => !open)));
  const others = shares.map((share, band) => (band === favoured ? 0 : Math.max(share, promised(bands[band] ?? []))));
  return shares.with(favoured, credit - total(others));
}

/** Without room: what would take more than there is, the lowest band first. */
function closing<W extends Window>({ plan, bands, credit }: Situation<W>): Step<W> | undefined {
  const first = (which: (window: W) => boolean): Step<W> | undefined => {
    for (let band = bands.length - 1; band >= 0; band -= 1) {
      const window = bands[band]?.find((each) => each.open && which(each));
      if (window !== undefined) return { do: "cancel", band, window };
    }
    return undefined;
  };
  const tooMany = plan.is === "parked" || total(bands.map(promised)) > credit;
  return first(hungry) ?? (tooMany ? first(() => true) : undefined);
}

/** The next change that brings each band nearer to the most it may be promised, `limit` being the most of all together. What closes goes first. */
function nearer<W extends Window>(
  bands: readonly (readonly W[])[],
  most: readonly number[],
  limit: number,
  patient: boolean,
): Step<W> | undefined {
  const changes = bands.map((windows, band) => nextChange(windows, most[band] ?? 0, patient));
  for (const [band, change] of changes.entries()) if (change?.do === "cancel") return { ...change, band };
  const left = Math.floor(limit - total(bands.map(promised)));
  for (const [band, change] of changes.entries()) {
    if (change?.do === "open" && left > 0) return { do: "open", band, size: Math.min(change.size, left) };
  }
  return undefined;
}

function hungry({ open, size, outstanding: own }: Window): boolean {
  return open && own < size;
}

function outstanding(windows: readonly Window[]): number {
  return total(windows.map((window) => window.outstanding));
}

function promised(windows: readonly Window[]): number {
  return total(windows.map(({ open, size, outstanding: own }) => (open ? size : own)));
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
