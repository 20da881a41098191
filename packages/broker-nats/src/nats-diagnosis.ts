import type { Diagnosis } from "@lovage/core/contracts";
import type { NatsLink } from "./connection/nats-link.ts";
import { atLeastVersion, featuresOf, OLDEST_ADVISED, type Version } from "./nats-versions.ts";
import { limitsOf } from "./queues/nats-configs.ts";
import type { Layout } from "./queues/nats-layout.ts";
import type { Queues } from "./queues/nats-queues.ts";
import type { StreamInfo, Streams } from "./queues/nats-streams.ts";

interface Subject {
  readonly link: NatsLink;
  readonly version: Version;
  readonly streams: Streams;
  readonly queues: Queues;
  readonly layout: Layout;
}

/** What `lovage doctor` prints of the server. */
export async function diagnose({ link, version, streams, queues, layout }: Subject): Promise<readonly Diagnosis[]> {
  const { info } = link.connection;
  const found: Diagnosis[] = [aboutVersion(info?.version ?? "unknown", version)];
  await queues.follow();
  const names = queues.names();
  const ready = await Promise.all(names.map((queue) => streams.info(layout.readyStream(queue))));
  const replicas = ready.map((stream) => stream?.config.num_replicas ?? 1);
  found.push(...aboutCopies(names, ready), aboutSync(replicas.every((copies) => copies >= 3) && replicas.length > 0));
  found.push(...aboutDelays(version, names, ready));
  return found;
}

function aboutDelays(
  version: Version,
  names: readonly string[],
  ready: readonly (StreamInfo | undefined)[],
): readonly Diagnosis[] {
  const check = "delays";
  const discarding = names.filter((_, index) => {
    const config = ready[index]?.config;
    return config?.allow_msg_schedules === true && limitsOf(config).length > 0;
  });
  if (discarding.length > 0) {
    return [
      {
        check,
        level: "error",
        finding: `streams of ${discarding.join(", ")} keep schedules and were given a limit: they discard their oldest messages to make room`,
        advice: "remove the limit (nats stream edit), or limit the account",
      },
    ];
  }
  if (!featuresOf(version).schedules) {
    return [{ check, level: "ok", finding: "moved by an elected worker (servers keep schedules from 2.12 on)" }];
  }
  const moved = names.filter((_, index) => ready[index]?.config.allow_msg_schedules !== true);
  const finding = "kept by the server as schedules";
  if (moved.length === 0) return [{ check, level: "ok", finding }];
  return [
    {
      check,
      level: "ok",
      finding: `${finding}; moved by an elected worker in ${moved.join(", ")} (a limit, or declared on an older server)`,
    },
  ];
}

function aboutVersion(text: string, version: Version): Diagnosis {
  const { major, minor, patch } = OLDEST_ADVISED;
  if (atLeastVersion(version, OLDEST_ADVISED)) return { check: "server", level: "ok", finding: `NATS ${text}` };
  return {
    check: "server",
    level: "warning",
    finding: `NATS ${text}: consumers may stand still (they are noticed and set up anew), and a crash may lose a stream`,
    advice: `use ${major}.${minor}.${patch} or newer`,
  };
}

function aboutCopies(names: readonly string[], ready: readonly (StreamInfo | undefined)[]): readonly Diagnosis[] {
  if (names.length === 0) return [{ check: "queues", level: "ok", finding: "none is declared" }];
  return names.map((queue, index) => {
    const stream = ready[index];
    const check = `queue ${queue}`;
    if (stream === undefined) {
      return {
        check,
        level: "error",
        finding: "its stream is gone",
        advice: "a worker of the queue makes it again when it starts",
      };
    }
    const copies = stream.config.num_replicas;
    const behind = stream.cluster?.replicas?.filter(({ current }) => !current) ?? [];
    if (behind.length > 0) {
      const who = behind.map(({ name }) => name).join(", ");
      return {
        check,
        level: "warning",
        finding: `${copies} copies, not up to date on ${who}`,
        advice: "look whether that server runs",
      };
    }
    if (copies >= 3) return { check, level: "ok", finding: `${copies} copies` };
    return {
      check,
      level: "warning",
      finding: "one copy: it is lost with its server's disk",
      advice: "in a cluster: replicas: 3, and for streams that exist: nats stream edit --replicas 3",
    };
  });
}

/** No client can ask for `sync_interval`. */
function aboutSync(replicated: boolean): Diagnosis {
  const finding =
    "the server writes before it acknowledges, and by default syncs to the disk every two minutes: a power cut can take what was accepted in them";
  return replicated
    ? {
        check: "durability",
        level: "ok",
        finding: `${finding}; with three copies, only if it hits two servers at once`,
      }
    : {
        check: "durability",
        level: "warning",
        finding,
        advice: "set sync_interval: always in the server's jetstream block (slower), or keep three copies",
      };
}
