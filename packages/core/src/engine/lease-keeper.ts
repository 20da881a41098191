/**
 * Renews the leases of everything held, running or not, for as long as it is held: user code does not run on this loop, so nothing a
 * task does can starve it. Leases are renewed when less than 70 % is left, which for the default of 10 s means every 3 s; what is asked
 * in one tick leaves as one command.
 */

import type { RenewedMap } from "../collections/renewed-map.ts";
import { isLovageError } from "../contracts/index.ts";
import type { EventStream } from "./events.ts";
import type { Held } from "./held.ts";

const RENEW_BELOW = 0.7;
const CHECKS_PER_LEASE = 10;

export class LeaseKeeper {
  readonly #held: Pick<RenewedMap<string, Held>, "values">;
  readonly #lost: (held: Held) => void;
  readonly #events: EventStream;
  #timer: NodeJS.Timeout | undefined;

  constructor(held: Pick<RenewedMap<string, Held>, "values">, lost: (held: Held) => void, events: EventStream) {
    this.#held = held;
    this.#lost = lost;
    this.#events = events;
  }

  start(shortestLeaseMs: number): void {
    const every = Math.min(1_000, Math.max(50, shortestLeaseMs / CHECKS_PER_LEASE));
    this.#timer = setInterval(() => this.#renew(), every);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #renew(): void {
    const now = Date.now();
    for (const held of this.#held.values()) {
      const { delivery } = held;
      const expires = delivery.leaseExpiresAt;
      if (expires === undefined || held.renewing || held.givenBack || held.lostAt !== 0) continue;
      if (expires - now > held.queue.leaseMs * RENEW_BELOW) continue;
      held.renewing = true;
      delivery.renew().then(
        (settlement) => {
          held.renewing = false;
          if (settlement === "lost" && held.delivery === delivery && held.state !== "settling") this.#lost(held);
        },
        (error) => {
          held.renewing = false;
          if (!isLovageError(error, "BROKER_CLOSED")) this.#events.internalError("renew", error);
        },
      );
    }
  }
}
