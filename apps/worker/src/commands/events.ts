import type { TaskEvent } from "@lovage/core/contracts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatMs, formatValue } from "../output/format.ts";
import { paint } from "../output/paint.ts";
import { printNote } from "../output/print.ts";
import type { PlaceFlags } from "./common-options.ts";
import { controlOf, withBroker } from "./with-places.ts";

export interface EventFlags extends PlaceFlags {
  readonly json?: boolean;
  readonly task?: readonly string[];
  readonly type?: readonly string[];
}

/** The event, with the instant at which the run ended where there was one. */
function withFinish(event: TaskEvent): TaskEvent & { readonly finishedAt?: number } {
  if (!("startedAt" in event) || event.startedAt === undefined || event.durationMs === undefined) return event;
  return { ...event, finishedAt: event.startedAt + event.durationMs };
}

function ranWords(event: { readonly startedAt?: number; readonly durationMs?: number }): string {
  if (event.startedAt === undefined) return "";
  return `${formatMs(event.durationMs)} from ${new Date(event.startedAt).toISOString().slice(11, 23)}`;
}

function detailOf(event: TaskEvent): string {
  switch (event.type) {
    case "task-succeeded":
      return ranWords(event);
    case "task-retried":
      return `again in ${formatMs(event.delayMs)}: ${event.error.name}: ${event.error.message}`;
    case "task-failed":
      return `${event.reason}: ${event.error.name}: ${event.error.message}`;
    case "task-released":
      return event.reason;
    case "task-progress":
      return formatValue(event.progress, 80);
    case "task-stalled":
      return `for ${formatMs(event.stalledMs)}`;
    default:
      return "";
  }
}

const COLOURS = {
  "task-succeeded": "green",
  "task-failed": "red",
  "task-retried": "yellow",
  "task-stalled": "yellow",
} as const;

function prettyLine(event: TaskEvent): string {
  const word = event.type.slice("task-".length).padEnd(9);
  const colour = (COLOURS as Partial<Record<string, "green" | "red" | "yellow">>)[event.type];
  return [
    paint("dim", new Date(event.at).toISOString().slice(11, 23)),
    colour === undefined ? word : paint(colour, word),
    event.task,
    paint("dim", event.id),
    event.attempt > 1 ? `attempt ${event.attempt}` : "",
    detailOf(event).split("\n", 1)[0] ?? "",
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** One line per event, of all workers, until SIGINT or SIGTERM. A batch leaves as one write. */
export async function events(flags: EventFlags): Promise<ExitCode> {
  const { task: tasks = [], type: types = [] } = flags;
  const wanted = (event: TaskEvent): boolean =>
    (tasks.length === 0 || tasks.includes(event.task)) &&
    (types.length === 0 || types.includes(event.type.slice("task-".length)) || types.includes(event.type));
  const line = flags.json === true ? (event: TaskEvent) => JSON.stringify(withFinish(event)) : prettyLine;
  return withBroker(flags, async (broker) => {
    const unlisten = await controlOf(broker).listen((batch) => {
      const lines = batch.filter(wanted).map(line);
      if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
    });
    printNote(`listening at ${broker.address}; Ctrl-C ends`);
    await new Promise<void>((resolve) => {
      process.once("SIGINT", resolve);
      process.once("SIGTERM", resolve);
    });
    await unlisten();
    return EXIT.ok;
  });
}
