import type { Broker, BrokerCapabilities } from "@lovage/core/contracts";
import type { brokerSaboteur } from "./saboteur.ts";
import { but } from "./tamper.ts";

/** A broker that answers some capabilities otherwise, with these changes to what it does. */
export function claim(
  claims: Partial<BrokerCapabilities>,
  change: (broker: Broker) => Partial<Broker> = () => ({}),
): Parameters<typeof brokerSaboteur>[2] {
  return (broker) =>
    but<Broker>(broker, {
      get capabilities() {
        return { ...broker.capabilities, ...claims };
      },
      ...change(broker),
    });
}
