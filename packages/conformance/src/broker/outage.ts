import type { BrokerContext } from "./context.ts";
import type { BrokerFaults, Undo } from "./harness.ts";

type Lasting = {
  [Name in keyof BrokerFaults]-?: NonNullable<BrokerFaults[Name]> extends () => Promise<Undo> ? Name : never;
};

/** Adapters are asked to give up soon, so that scenarios with an outage are short. */
export const OPERATION_TIMEOUT_MS = 1_000;

/** The longest that an operation may take where the harness does not honour that wish: the contract's default, and slack. */
export const operationDeadline = (c: BrokerContext): number => 10_000 + 1_000 + c.tolerance.slackMs;

/** I-50: how soon consuming goes on once the server can be reached. */
export const recovery = (c: BrokerContext): number => 1_000 + c.tolerance.slackMs;

/** Begins a fault of the harness that lasts until the function it gives is called, at the latest when the scenario ends. */
export async function outage(c: BrokerContext, fault: Lasting[keyof Lasting]): Promise<Undo> {
  const undo = await c.harness.faults?.[fault]?.();
  if (undo === undefined) throw new Error(`the harness has no fault ${fault}`);
  let over = false;
  const once = async (): Promise<void> => {
    if (over) return;
    over = true;
    await undo();
  };
  c.cleanup(once);
  return once;
}
