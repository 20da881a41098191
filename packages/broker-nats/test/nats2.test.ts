/** A connection made by the client's frozen predecessor, `nats` 2.x, keeps the same promises. */

import { describeBroker, describeControlChannel, describeResultStore } from "@lovage/conformance/vitest";
import { connect } from "nats";
import { afterAll } from "vitest";
import { type NatsConnection, natsResults } from "../src/index.ts";
import { type Access, brokerHarness, HEARTBEAT_MS, startRig } from "./harness.ts";

const rig = await startRig();
afterAll(() => rig.close());

function connection({ servers, user, password }: Access): () => Promise<NatsConnection> {
  return async () =>
    (await connect({
      servers: servers as string,
      user: user as string,
      pass: password as string,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      pingInterval: HEARTBEAT_MS,
      maxPingOut: 1,
      timeout: 10_000,
    })) as NatsConnection;
}

const harness = brokerHarness("nats, connection of nats 2.x", rig, {
  connection: connection(rig.proxied),
  namespace: "two",
  // So delayed messages are moved by a worker on servers of every version.
  maxBytes: 1_000_000_000,
});
describeBroker(harness);
describeControlChannel(harness);
describeResultStore({
  name: "nats, connection of nats 2.x",
  create: () => natsResults({ connection: connection(rig.proxied) }),
});
