import { type App, brokerClient, type EnqueueOptions } from "@lovage/core";
import { UnknownTaskError } from "@lovage/core/contracts";
import { openApp } from "../app-file.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../flags/duration.ts";
import { parseJsonArgs } from "../flags/json-args.ts";
import { checkId } from "../flags/task-id.ts";
import { parseWholeNumber } from "../flags/whole-number.ts";
import { printJson, printLine, printNote } from "../output/print.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withPlacesOpen } from "./with-places.ts";

export interface CallFlags extends PlaceFlags, ListFlags {
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly delay?: string;
  readonly priority?: string;
  readonly queue?: string;
  readonly expires?: string;
  readonly id?: string;
  readonly export?: string;
}

function enqueueOptions(flags: CallFlags): EnqueueOptions {
  return {
    ...(flags.delay === undefined ? {} : { delay: parseDuration(flags.delay, "--delay") }),
    ...(flags.priority === undefined
      ? {}
      : { priority: parseWholeNumber(flags.priority, "--priority", { min: 0, max: 9 }) }),
    ...(flags.queue === undefined ? {} : { queue: flags.queue }),
    ...(flags.expires === undefined ? {} : { expires: parseDuration(flags.expires, "--expires") }),
    ...(flags.id === undefined ? {} : { id: checkId(flags.id) }),
  };
}

/** Enqueues a task by name. Everything that can be wrong with what was typed is said before a broker is opened. */
export async function call(
  file: string,
  task: string,
  argsText: string | undefined,
  flags: CallFlags,
): Promise<ExitCode> {
  const args = parseJsonArgs(argsText ?? "[]");
  const options = enqueueOptions(flags);
  const timeout = flags.timeout === undefined ? undefined : parseDuration(flags.timeout, "--timeout");
  const { source, folder } = await openApp(file, flags.export);
  const app = source.definition as App;
  if (app.tasks.get(task) === undefined) throw new UnknownTaskError(task, app.tasks.names());
  return withPlacesOpen(
    flags,
    async ({ broker, results }) => {
      app.attach(brokerClient(broker, results, app));
      const run = await app.enqueue(task, args, options);
      if (flags.wait !== true) {
        if (flags.json === true) printJson({ id: run.id, task });
        else printLine(run.id);
        return EXIT.ok;
      }
      if (process.stderr.isTTY) printNote(`${run.id} waiting for the result; Ctrl-C leaves it running`);
      const value = await run.result(timeout === undefined ? {} : { timeout });
      printJson(flags.json === true ? { id: run.id, task, value: value ?? null } : (value ?? null));
      return EXIT.ok;
    },
    { from: folder },
  );
}
