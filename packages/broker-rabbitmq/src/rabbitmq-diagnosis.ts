import type { Diagnosis } from "@lovage/core/contracts";
import { type ServerTraits, serverTraits } from "./connection/rabbitmq-server.ts";
import { maxUnsettledMs, type Usage } from "./rabbitmq-capabilities.ts";

/** What `lovage doctor` says of the server and the ways it is used. */
export function diagnose(
  properties: { readonly version?: unknown; readonly cluster_name?: unknown },
  { queueType, bands, ackTimeoutMs }: Usage,
  blocked: string | undefined,
): readonly Diagnosis[] {
  const traits = serverTraits(properties, queueType);
  const { version, warning } = traits;
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
    priorities(traits, bands),
    ackTimeout(traits, ackTimeoutMs),
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

const ORDERS = {
  strict: "its queues order by priority themselves",
  "returned-first": "its quorum queues order by priority themselves, but for what was given back",
  banded: "its queues have two levels of priority, of which the higher is served twice as often",
  none: "its quorum queues ignore priorities",
} as const;

function priorities({ version, priority }: ServerTraits, bands: number): Diagnosis {
  const check = "priorities";
  const finding = `RabbitMQ ${version}: ${ORDERS[priority]}`;
  if (bands === 1) return { check, level: "ok", finding };
  const divided = `${finding}; they are divided into ${bands} bands`;
  if (priority === "banded" || priority === "none") return { check, level: "ok", finding: divided };
  const advice = "leave out bands for new queues: the server's own order is stricter and costs less";
  return { check, level: "warning", finding: divided, advice };
}

function ackTimeout(traits: ServerTraits, given: number | undefined): Diagnosis {
  const check = "ack timeout";
  const limitMs = maxUnsettledMs(traits, given);
  if (limitMs === undefined)
    return { check, level: "ok", finding: "a task may hold its message for as long as it runs" };
  const minutes = Math.round(limitMs / 60_000);
  if (traits.ackTimeout === "queue") {
    return {
      check,
      level: "ok",
      finding: `a task may hold its message for ${minutes} minutes: the option ackTimeoutMs says how long`,
    };
  }
  const finding = `RabbitMQ ${traits.version} takes a message back that is held for longer than its consumer_timeout, which it does not tell`;
  const inConf = "set consumer_timeout in rabbitmq.conf above the longest hard limit of your tasks";
  return given === undefined
    ? {
        check,
        level: "warning",
        finding: `${finding}: ${minutes} minutes are assumed`,
        advice: `${inConf} and say so with ackTimeoutMs, or use quorum queues on RabbitMQ 3.12 or later`,
      }
    : { check, level: "ok", finding: `${finding}: ${minutes} minutes, as ackTimeoutMs says` };
}
