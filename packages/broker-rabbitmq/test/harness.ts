/** One server for the kits of a test file, with the kit's proxy in between and everything that can go wrong. */

import { type BrokerHarness, type TcpProxy, tcpProxy } from "@lovage/conformance";
import { eventually } from "@lovage/core/testing";
import { type RabbitMqServer, startRabbitMq } from "@lovage/services";
import { rabbitMqBroker } from "../src/index.ts";
import { contentsOf } from "./contents.ts";
import type { Choices } from "./make-broker.ts";

const HEARTBEAT_S = 1;

/**
 * Settings that the server applies to our queues at once: more than one message is refused. How is said first: a classic queue that hears of
 * the number before drops what it has too much.
 */
const FULL = [[], [`{<<"max-length">>, 1}`]]
  .map((more) => [...more, `{<<"overflow">>, <<"reject-publish">>}`].join(", "))
  .map(
    (definition) =>
      `rabbit_policy:set(<<"/">>, <<"full">>, <<"^lovage:queue:">>, [${definition}], 0, <<"queues">>, <<"tests">>)`,
  )
  .join(", ");
/** `running`, or `blocking` under an alarm until something is published, or `blocked`. */
const STATES =
  "[proplists:get_value(state, rabbit_reader:info(P, [state])) || P <- rabbit_networking:connections(), is_process_alive(P)].";
/** From 3.12 on a policy, before the server's own settings. Looked after once a minute otherwise. */
const SOON_OVERDUE = [
  "application:set_env(rabbit, consumer_timeout, 1000)",
  "application:set_env(rabbit, channel_tick_interval, 200)",
  `rabbit_policy:set(<<"/">>, <<"overdue">>, <<"^lovage:queue:">>, [{<<"consumer-timeout">>, 1000}], 0, <<"queues">>, <<"tests">>).`,
].join(", ");
const NOT_SOON_OVERDUE = [
  "application:set_env(rabbit, consumer_timeout, 1800000)",
  "application:set_env(rabbit, channel_tick_interval, 60000)",
  `rabbit_policy:delete(<<"/">>, <<"overdue">>, <<"tests">>).`,
].join(", ");
const NOT_FULL = `rabbit_policy:delete(<<"/">>, <<"full">>, <<"tests">>).`;

export interface Rig {
  readonly server: RabbitMqServer;
  readonly proxy: TcpProxy;
  /** Through it. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startRig(): Promise<Rig> {
  const server = await startRabbitMq();
  const proxy = await tcpProxy({ port: server.port });
  return {
    server,
    proxy,
    url: `amqp://127.0.0.1:${proxy.port}`,
    async close() {
      await proxy.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function brokerHarness(name: string, { server, proxy, url }: Rig, choices: Choices = {}): BrokerHarness {
  return {
    name,
    create: ({ operationTimeoutMs } = {}) =>
      rabbitMqBroker({
        url,
        ...choices,
        heartbeatS: HEARTBEAT_S,
        ...(operationTimeoutMs === undefined ? {} : { operationTimeoutMs }),
      }),
    spawnable: { module: new URL("make-broker.ts", import.meta.url), args: [url, JSON.stringify(choices)] },
    heartbeatMs: HEARTBEAT_S * 1_000,
    connections: () => proxy.links,
    locked: {
      create: () => rabbitMqBroker({ url: `amqp://guest:s3cr3t-w0rd@127.0.0.1:${proxy.port}` }),
      secret: "s3cr3t-w0rd",
    },
    faults: {
      ...proxy.faults,
      restart: () => server.process.restart(),
      async block() {
        await server.evaluate("rabbit_alarm:set_alarm({{resource_limit, disk, node()}, []}).");
        // Each connection hears of it in its own time.
        await eventually("all connections to know", async () => !(await server.evaluate(STATES)).includes("running"));
        return async () => void (await server.evaluate("rabbit_alarm:clear_alarm({resource_limit, disk, node()})."));
      },
      async fill() {
        await server.evaluate(`${FULL}.`);
        return async () => void (await server.evaluate(NOT_FULL));
      },
      async overdue() {
        await server.evaluate(SOON_OVERDUE);
        return async () => void (await server.evaluate(NOT_SOON_OVERDUE));
      },
    },
    leftovers: () => contentsOf(server),
  };
}
