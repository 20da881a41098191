/** What an adapter brings to {@link createBroker}: the ways of its server. Everything else of a broker is the same for all. */

import type {
  Broker,
  BrokerCapabilities,
  ControlChannel,
  LovageError,
  OutgoingMessage,
  PublishOutcome,
  QueueAdmin,
} from "../contracts/index.ts";
import type { RequestSink } from "./gathering.ts";
import type { ConsumptionTerms, HeldConsumption } from "./held-consumption.ts";

/** The same methods, which may also answer without a promise. */
export type Calls<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer Args) => Promise<infer Answer>
    ? (...args: Args) => Promise<Answer> | Answer
    : T[K];
};

/** Nothing but `open` and `close` is called while the broker is not connected. */
export interface BrokerRuntime<Claim = unknown> {
  readonly name: Broker["name"];
  readonly address: Broker["address"];
  readonly control?: ControlChannel;
  /** How long a call of `admin` or `consume` may take, in ms, before it rejects with `BrokerUnavailableError`. Leave out where calls end by themselves. */
  readonly operationTimeoutMs?: number;
  /** How much longer than that `ensureQueue` may take, in ms, where a new queue needs time before it can be relied on. Default 0. */
  readonly newQueueMs?: number;
  /** What deliveries ask goes there: usually a {@link Sender}. */
  readonly requests: RequestSink<Claim>;
  readonly admin: Calls<QueueAdmin>;
  /**
   * One try to reach the server; called again after a wait when it fails with an error that is `retryable`. Answers what that server can do.
   * When `signal` aborts, it ends soon and leaves nothing open.
   */
  open(signal: AbortSignal): Promise<BrokerCapabilities> | BrokerCapabilities;
  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> | readonly PublishOutcome[];
  /** Starts feeding a new {@link HeldConsumption}. Throws `QueueNotFoundError` for a queue that was never declared. */
  consume(terms: ConsumptionTerms<Claim>): Promise<HeldConsumption<Claim>> | HeldConsumption<Claim>;
  /** Sends what was published before, and closes what it opened, also when that is half open or gone. Called once, after everything else. Does not reject. */
  close(): Promise<void> | void;
  /** Translates the client library's errors. Called with everything that the methods above throw. Default: as it is. */
  errorOf?(error: unknown): LovageError;
  diagnose?: Broker["diagnose"];
}
