import type { ControlChannel } from "@lovage/core/contracts";
import { type BrokerSaboteur, brokerSaboteur } from "./saboteur.ts";
import { but } from "./tamper.ts";

/** Changes the control channel of each connection, made once. */
function meddling(change: (control: ControlChannel) => Partial<ControlChannel>): Parameters<typeof brokerSaboteur>[2] {
  return (broker) => {
    const { control } = broker;
    return control === undefined ? broker : but(broker, { control: but(control, change(control)) });
  };
}

export const controlling: readonly BrokerSaboteur[] = [
  brokerSaboteur(
    "swallows what a handler throws",
    ["control/errors-are-replies"],
    meddling((control) => ({
      serve: (identity, handler) =>
        control.serve(identity, async (command) => {
          try {
            return await handler(command);
          } catch {
            return undefined;
          }
        }),
    })),
  ),
  brokerSaboteur(
    "answers nothing where the answer is not JSON",
    ["control/answers-that-are-not-json-are-errors"],
    meddling((control) => ({
      serve: (identity, handler) =>
        control.serve(identity, async (command) => {
          const value = await handler(command);
          try {
            JSON.stringify(value);
            return value;
          } catch {
            return new Promise(() => {});
          }
        }),
    })),
  ),
  brokerSaboteur(
    "drops events without counting them",
    ["control/overload-drops-and-counts"],
    meddling(() => ({ dropped: 0 })),
  ),
  brokerSaboteur(
    "makes events whether or not anyone listens",
    ["control/knows-whether-anyone-listens"],
    meddling(() => ({ listened: true })),
  ),
  brokerSaboteur(
    "looks whether anyone listens only when it has something to say, and says it to nobody meanwhile",
    ["control/first-event-after-a-silence-is-heard"],
    meddling((control) => {
      let known = false;
      return {
        emit: (events) => {
          if (known) control.emit(events);
          known = control.listened;
        },
      };
    }),
  ),
  brokerSaboteur(
    "asks everyone whoever is meant",
    ["control/asks-only-those-meant"],
    meddling((control) => ({ broadcast: ({ to: _to, ...command }, options) => control.broadcast(command, options) })),
  ),
  brokerSaboteur(
    "waits for its timeout although all have answered",
    ["control/ends-when-expected-replies-came"],
    meddling((control) => ({
      broadcast: (command, { timeoutMs }) => control.broadcast(command, { timeoutMs: Math.min(timeoutMs, 2_000) }),
    })),
  ),
];
