import type { Diagnosis } from "@lovage/core/contracts";
import { serverTraits } from "./rabbitmq-server.ts";
import type { QueueType } from "./rabbitmq-topology.ts";

/** What `lovage doctor` says of the server and the ways it is used. */
export function diagnose(
  properties: { readonly version?: unknown; readonly cluster_name?: unknown },
  { queueType, ackTimeoutMs }: { readonly queueType: QueueType; readonly ackTimeoutMs: number },
  blocked: string | undefined,
): readonly Diagnosis[] {
  const { version, warning, ackTimeoutPerQueue } = serverTraits(properties, queueType);
  const minutes = Math.round(ackTimeoutMs / 60_000);
  return [
    warning === undefined
      ? { check: "server", level: "ok", finding: `RabbitMQ ${version}` }
      : { check: "server", level: "warning", finding: `RabbitMQ ${version}`, advice: warning },
    queueType === "quorum"
      ? {
          check: "queue type",
          level: "ok",
          finding: "quorum queues: replicated, and on the disk before a publish is confirmed",
        }
      : {
          check: "queue type",
          level: "warning",
          finding: "classic queues: each on one node only",
          advice: "use queueType quorum in a cluster, under another prefix",
        },
    ackTimeoutPerQueue
      ? { check: "ack timeout", level: "ok", finding: `a task may hold its message for ${minutes} minutes` }
      : {
          check: "ack timeout",
          level: "warning",
          finding: `RabbitMQ ${version} takes a message back that is held for longer than its consumer_timeout, 30 minutes unless it is set`,
          advice:
            "set consumer_timeout in rabbitmq.conf above the longest hard limit of your tasks, or upgrade to 3.12 or later",
        },
    blocked === undefined
      ? { check: "alarms", level: "ok", finding: "publishing is not held back" }
      : {
          check: "alarms",
          level: "error",
          finding: `RabbitMQ holds publishers back: ${blocked}`,
          advice: "free memory or disk space on its host, or let consumers catch up",
        },
  ];
}
