import { tcpProxy } from "@lovage/conformance";
import { startRabbitMq } from "@lovage/services";
import { proxyFaults, strikeProxy } from "./proxied.ts";
import type { Rig, RigKind } from "./rig.ts";

const DISK_ALARM = "rabbit_alarm:set_alarm({{resource_limit, disk, node()}, []}).";
const NO_DISK_ALARM = "rabbit_alarm:clear_alarm({resource_limit, disk, node()}).";
/** `LOVAGE_RABBITMQ_QUEUES=classic` for the other type. */
const QUEUES = process.env.LOVAGE_RABBITMQ_QUEUES === "classic" ? "classic" : "quorum";
/** `LOVAGE_RABBITMQ_BANDS=3` for priorities as queues of their own. */
const BANDS = process.env.LOVAGE_RABBITMQ_BANDS ?? "1";
const SECOND = 1_000;
const HEARTBEAT_S = 2;
/**
 * A server that begins moves what is due before it knows where to, and tries again when it has had no answer for three minutes. Nothing is
 * lost by that, but a run would have to wait as long.
 */
const ADVANCED = { dead_letter_worker_publisher_confirm_timeout: 4 * SECOND };

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
    ...proxyFaults("connection"),
    {
      name: "alarm",
      aims: "broker",
      forMs: [SECOND, 4 * SECOND],
      excuses: false,
      does: "the server holds publishers back, as when its disk is full",
    },
  ],
  stopsAll: false,
  silenceMs: 3 * HEARTBEAT_S * SECOND,
  // 3.10: a hundred acks of a hundred were gone 0.1 s later, and none 0.3 s later. Of replicated queues none ever.
  forgetsMs: QUEUES === "classic" ? 300 : 0,
  requeue: "copy then ack",
  async open(): Promise<Rig> {
    const server = await startRabbitMq({ advanced: ADVANCED });
    const proxy = await tcpProxy({ port: server.port });
    return {
      url: `amqp://127.0.0.1:${proxy.port}?heartbeat=${HEARTBEAT_S}&queueType=${QUEUES}&bands=${BANDS}`,
      directUrl: `${server.url}?queueType=${QUEUES}&bands=${BANDS}`,
      async strike(fault: string): Promise<() => Promise<void>> {
        const ofProxy = strikeProxy(proxy, fault);
        if (ofProxy !== undefined) return ofProxy;
        if (fault === "alarm") {
          await server.evaluate(DISK_ALARM);
          return async () => void (await server.evaluate(NO_DISK_ALARM));
        }
        await server.process.kill();
        return () => server.process.start();
      },
      async [Symbol.asyncDispose](): Promise<void> {
        await proxy.close();
        await server[Symbol.asyncDispose]();
      },
    };
  },
};
