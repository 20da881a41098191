import { blocked } from "./blocked.ts";
import { connectionLoss } from "./connection-loss.ts";
import { contention } from "./contention.ts";
import type { BrokerScenario } from "./context.ts";
import { credit } from "./credit.ts";
import { deadLetters } from "./dead-letters.ts";
import { delay } from "./delay.ts";
import { fairness } from "./fairness.ts";
import { introspection } from "./introspection.ts";
import { type BrokerKit, kitOnBroker } from "./kit.ts";
import { leaks } from "./leaks.ts";
import { lease } from "./lease.ts";
import { lifecycle } from "./lifecycle.ts";
import { order } from "./order.ts";
import { overdue } from "./overdue.ts";
import { pause } from "./pause.ts";
import { priority } from "./priority.ts";
import { publish } from "./publish.ts";
import { purge } from "./purge.ts";
import { redelivery } from "./redelivery.ts";
import { refusals } from "./refusals.ts";
import { restart } from "./restart.ts";
import { revoke } from "./revoke.ts";
import { secrets } from "./secrets.ts";
import { serverAway } from "./server-away.ts";
import { settlement } from "./settlement.ts";
import { versions } from "./versions.ts";

export const brokerScenarios: readonly BrokerScenario[] = [
  ...lifecycle,
  ...publish,
  ...settlement,
  ...redelivery,
  ...lease,
  ...overdue,
  ...credit,
  ...fairness,
  ...order,
  ...priority,
  ...delay,
  ...deadLetters,
  ...introspection,
  ...purge,
  ...revoke,
  ...pause,
  ...contention,
  ...connectionLoss,
  ...serverAway,
  ...blocked,
  ...restart,
  ...refusals,
  ...secrets,
  ...versions,
  ...leaks,
];

export const brokerKit: BrokerKit = kitOnBroker("broker", brokerScenarios);
