import type { Broker, QueueDepth } from "@lovage/core/contracts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { confirm } from "../output/confirm.ts";
import { formatCount, formatMs, plural } from "../output/format.ts";
import { printJson, printLine, printNote } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withBroker } from "./with-places.ts";

interface QueueState extends QueueDepth {
  readonly queue: string;
  readonly oldestReadyMs: number | undefined;
}

async function stateOf(broker: Broker, queue: string): Promise<QueueState> {
  const [depth, oldestReadyMs] = await Promise.all([broker.depth(queue), broker.oldestReadyAge(queue)]);
  return { queue, ...depth, oldestReadyMs };
}

export async function listQueues(flags: PlaceFlags & ListFlags): Promise<ExitCode> {
  const names = await withBroker(flags, (broker) => broker.queues());
  if (flags.json === true) printJson(names);
  else if (names.length === 0) printNote("no queue was declared yet; a worker declares its queues when it starts");
  else for (const name of names) printLine(name);
  return EXIT.ok;
}

export async function queueStats(queues: readonly string[], flags: PlaceFlags & ListFlags): Promise<ExitCode> {
  const states = await withBroker(flags, async (broker) => {
    const names = queues.length === 0 ? await broker.queues() : queues;
    return Promise.all(names.map((name) => stateOf(broker, name)));
  });
  if (flags.json === true) {
    printJson(states);
    return EXIT.ok;
  }
  printTable(
    [
      { title: "QUEUE" },
      { title: "READY", align: "right" },
      { title: "DELAYED", align: "right" },
      { title: "RUNNING", align: "right" },
      { title: "DEAD", align: "right" },
      { title: "OLDEST", align: "right" },
      { title: "STATE" },
    ],
    states.map((state) => [
      state.queue,
      ...[state.ready, state.delayed, state.owned, state.dead].map(formatCount),
      formatMs(state.oldestReadyMs),
      state.paused === true ? "paused" : "",
    ]),
  );
  return EXIT.ok;
}

export async function purgeQueue(
  queue: string,
  flags: PlaceFlags & ListFlags & { delayed?: boolean; yes?: boolean },
): Promise<ExitCode> {
  return withBroker(flags, async (broker) => {
    const { ready, delayed } = await broker.depth(queue);
    const doomed =
      flags.delayed === true
        ? `${plural(ready ?? 0, "ready message")} and ${plural(delayed ?? 0, "delayed one")}`
        : plural(ready ?? 0, "ready message");
    if (!(await confirm(`Remove ${doomed} from "${queue}" for good?`, flags.yes))) {
      printNote("nothing was removed");
      return EXIT.no;
    }
    const removed = await broker.purge(queue, { delayed: flags.delayed === true });
    if (flags.json === true) printJson({ queue, removed });
    else printLine(`${plural(removed, "message")} removed from ${queue}`);
    return EXIT.ok;
  });
}

export async function pauseQueue(queue: string, flags: PlaceFlags): Promise<ExitCode> {
  await withBroker(flags, (broker) => broker.pause(queue));
  printLine(`${queue} is paused: running tasks finish, no new one starts until lovage queue resume ${queue}`);
  return EXIT.ok;
}

export async function resumeQueue(queue: string, flags: PlaceFlags): Promise<ExitCode> {
  await withBroker(flags, (broker) => broker.resume(queue));
  printLine(`${queue} goes on`);
  return EXIT.ok;
}
