import { tcpProxy } from "@lovage/conformance";
import { startRabbitMq } from "@lovage/services";
import type { Rig, RigKind } from "./rig.ts";

const DISK_ALARM = "rabbit_alarm:set_alarm({{resource_limit, disk, node()}, []}).";
const NO_DISK_ALARM = "rabbit_alarm:clear_alarm({resource_limit, disk, node()}).";
const SECOND = 1_000;

/** A server of its own behind a proxy. Ownership is the connection's: what cuts one makes its deliveries come again. */
export const rabbitmq: RigKind = {
  name: "rabbitmq",
  faults: [
    {
      name: "restart",
      aims: "broker",
      forMs: [SECOND, 3 * SECOND],
      excuses: true,
      does: "the server is killed, and started again a while later",
    },
    {
      name: "cut",
      aims: "broker",
      forMs: [0, 50],
      excuses: true,
      does: "all connections are cut",
    },
    {
      name: "freeze",
      aims: "broker",
      forMs: [200, 8 * SECOND],
      // Longer than three heartbeats at times: then each side takes the other for gone.
      excuses: true,
      does: "nothing passes between the server and anybody",
    },
    {
      name: "alarm",
      aims: "broker",
      forMs: [SECOND, 4 * SECOND],
      excuses: false,
      does: "the server holds publishers back, as when its disk is full",
    },
  ],
  stopsAll: false,
  requeue: "copy then ack",
  async open(): Promise<Rig> {
    const server = await startRabbitMq();
    const proxy = await tcpProxy({ port: server.port });
    return {
      url: `amqp://127.0.0.1:${proxy.port}?heartbeat=2`,
      directUrl: server.url,
      async strike(fault: string): Promise<() => Promise<void>> {
        switch (fault) {
          case "restart":
            await server.process.kill();
            return () => server.process.start();
          case "cut":
            proxy.reset();
            return async () => {};
          case "freeze":
            return proxy.freeze();
          case "alarm":
            await server.evaluate(DISK_ALARM);
            return async () => void (await server.evaluate(NO_DISK_ALARM));
          default:
            throw new Error(`RabbitMQ's rig knows no fault "${fault}"`);
        }
      },
      async [Symbol.asyncDispose](): Promise<void> {
        await proxy.close();
        await server[Symbol.asyncDispose]();
      },
    };
  },
};
