import {
  type BrokerCapabilities,
  isLovageError,
  type LovageError,
  type OutgoingMessage,
  type PublishOutcome,
  refusal,
} from "../contracts/index.ts";

export interface PublishEachOptions {
  readonly limits: Pick<BrokerCapabilities, "maxMessageBytes" | "maxDelayMs">;
  /** Stores one message. An error refuses it, except `BrokerUnavailableError`: then it may be there. */
  readonly store: (message: OutgoingMessage) => Promise<"accepted" | "duplicate"> | "accepted" | "duplicate";
  readonly errorOf: (error: unknown) => LovageError;
}

/** For servers that take one message at a time: one outcome for each, begun in order. What every broker must refuse is refused without asking. */
export function publishEach(
  messages: readonly OutgoingMessage[],
  { limits, store, errorOf }: PublishEachOptions,
): Promise<PublishOutcome[]> {
  const publish = async (message: OutgoingMessage): Promise<PublishOutcome> => {
    const { id } = message;
    try {
      const refused = refusal(message, limits);
      if (refused !== undefined) return { id, status: "refused", error: refused };
      return { id, status: await store(message) };
    } catch (thrown) {
      const error = errorOf(thrown);
      return { id, status: isLovageError(error, "BROKER_UNAVAILABLE") ? "unknown" : "refused", error };
    }
  };
  return Promise.all(messages.map(publish));
}
