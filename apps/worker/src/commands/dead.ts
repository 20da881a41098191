import { type Broker, ConfigurationError, type DeadLetter, payloadText } from "@lovage/core/contracts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { checkId } from "../flags/task-id.ts";
import { parseWholeNumber } from "../flags/whole-number.ts";
import { confirm } from "../output/confirm.ts";
import { formatTime, formatValue, plural } from "../output/format.ts";
import { printJson, printLine, printNote } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withBroker } from "./with-places.ts";

type DeadFlags = PlaceFlags & ListFlags & { all?: boolean; yes?: boolean };

/** A body is shown as JSON where it is JSON. */
function shownBody(letter: DeadLetter): unknown {
  const text = payloadText(letter.body);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function asJson(letter: DeadLetter): Record<string, unknown> {
  return { ...letter, body: shownBody(letter) };
}

export async function listDead(
  queue: string | undefined,
  flags: DeadFlags & { limit: string; after?: string },
): Promise<ExitCode> {
  const limit = parseWholeNumber(flags.limit, "--limit", { min: 1, max: 10_000 });
  const letters = await withBroker(flags, async (broker) => {
    const queues = queue === undefined ? await broker.queues() : [queue];
    const after = flags.after === undefined ? {} : { after: checkId(flags.after) };
    const lists = await Promise.all(queues.map((name) => broker.deadLetters(name, { limit, ...after })));
    return lists.flat();
  });
  if (flags.json === true) {
    printJson(letters.map(asJson));
    return EXIT.ok;
  }
  if (letters.length === 0) {
    printNote("no dead letters");
    return EXIT.ok;
  }
  printTable(
    [
      { title: "ID" },
      { title: "TASK" },
      { title: "QUEUE" },
      { title: "DIED" },
      { title: "REASON" },
      { title: "DETAILS" },
    ],
    letters.map((letter) => [
      letter.id,
      letter.headers.task,
      letter.queue,
      formatTime(letter.deadAt),
      letter.reason.code,
      formatValue((letter.reason.details ?? "").split("\n", 1)[0] ?? "", 80),
    ]),
  );
  if (letters.length === limit) printNote(`the first ${limit}; more with --limit, or --after ${letters.at(-1)?.id}`);
  return EXIT.ok;
}

async function findLetter(broker: Broker, id: string): Promise<DeadLetter | undefined> {
  for (const queue of await broker.queues()) {
    const [letter] = await broker.deadLetters(queue, { ids: [id], limit: 1 });
    if (letter !== undefined) return letter;
  }
  return undefined;
}

export async function showDead(id: string, flags: DeadFlags): Promise<ExitCode> {
  const wanted = checkId(id);
  const letter = await withBroker(flags, (broker) => findLetter(broker, wanted));
  if (letter === undefined) {
    printNote(`there is no dead letter ${wanted}`);
    return EXIT.no;
  }
  if (flags.json === true) {
    printJson(asJson(letter));
    return EXIT.ok;
  }
  const { headers, reason } = letter;
  const facts: readonly [string, unknown][] = [
    ["id", letter.id],
    ["task", headers.task],
    ["queue", letter.queue],
    ["died", formatTime(letter.deadAt)],
    ["reason", reason.code],
    ["attempt", headers.attempt ?? 1],
    ["deliveries", letter.deliveryCount ?? "–"],
    ["priority", letter.priority],
    ["headers", JSON.stringify(headers)],
    ["body", formatValue(shownBody(letter), 10_000)],
  ];
  for (const [name, value] of facts) printLine(`${name.padEnd(11)}${String(value)}`);
  if (reason.details !== undefined) printLine(`\n${reason.details}`);
  return EXIT.ok;
}

function chosen(ids: readonly string[], flags: DeadFlags, verb: string): readonly string[] | "all" {
  if (flags.all === true) {
    if (ids.length > 0) throw new ConfigurationError(`dead ${verb}: give ids or --all, not both`);
    return "all";
  }
  if (ids.length === 0)
    throw new ConfigurationError(`dead ${verb}: which ones? Give ids (see lovage dead ls), or --all`);
  return ids.map(checkId);
}

async function change(
  ids: readonly string[] | "all",
  broker: Broker,
  queue: string,
  flags: DeadFlags,
  verb: { readonly ask: string; readonly done: string; readonly destroys: boolean; run(): Promise<number> },
): Promise<ExitCode> {
  if (ids === "all" || verb.destroys) {
    const count = ids === "all" ? (await broker.depth(queue)).dead : ids.length;
    const number = count === undefined ? "all dead letters" : plural(count, "dead letter");
    if (!(await confirm(`${verb.ask} ${number} of "${queue}"?`, flags.yes))) {
      printNote("nothing was changed");
      return EXIT.no;
    }
  }
  const count = await verb.run();
  if (flags.json === true) printJson({ queue, count });
  else printLine(`${plural(count, "dead letter")} of ${queue} ${verb.done}`);
  return count === 0 && ids !== "all" ? EXIT.no : EXIT.ok;
}

export async function retryDead(queue: string, ids: readonly string[], flags: DeadFlags): Promise<ExitCode> {
  const which = chosen(ids, flags, "retry");
  return withBroker(flags, (broker) =>
    change(which, broker, queue, flags, {
      ask: "Run again",
      done: "made ready again",
      destroys: false,
      run: () => broker.redrive(queue, which),
    }),
  );
}

export async function dropDead(queue: string, ids: readonly string[], flags: DeadFlags): Promise<ExitCode> {
  const which = chosen(ids, flags, "drop");
  return withBroker(flags, (broker) =>
    change(which, broker, queue, flags, {
      ask: "Remove for good",
      done: "removed",
      destroys: true,
      run: () => broker.dropDead(queue, which),
    }),
  );
}
