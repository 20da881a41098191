import { jsonCodec } from "@lovage/core";
import {
  NoResultStoreError,
  type Payload,
  ResultNotFoundError,
  type ResultRecord,
  type ResultStore,
  ResultTimeoutError,
} from "@lovage/core/contracts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../flags/duration.ts";
import { checkId } from "../flags/task-id.ts";
import { formatTime, formatValue } from "../output/format.ts";
import { printJson, printNote } from "../output/print.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withPlacesOpen } from "./with-places.ts";

type ResultFlags = PlaceFlags & ListFlags & { wait?: boolean; timeout?: string };

/** JSON where it is JSON; an app with a codec of its own keeps its bytes as text. */
function shown(payload: Payload | undefined): unknown {
  if (payload === undefined) return null;
  try {
    return jsonCodec.decodeValue(payload);
  } catch {
    return payload.toString();
  }
}

async function waitFinal(store: ResultStore, id: string, timeoutMs: number | undefined): Promise<ResultRecord> {
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  for await (const record of store.wait(id, signal === undefined ? {} : { signal })) if (record.final) return record;
  throw new ResultTimeoutError(id, timeoutMs ?? 0);
}

async function readNow(store: ResultStore, id: string): Promise<ResultRecord> {
  const [record] = await store.read([id]);
  if (record === undefined) throw new ResultNotFoundError(id);
  return record;
}

function print(record: ResultRecord): ExitCode {
  const { id, task, state, attempt, error } = record;
  if (state === "succeeded") {
    printJson(shown(record.value));
    return EXIT.ok;
  }
  const progress = record.progress === undefined ? "" : `, progress ${formatValue(shown(record.progress))}`;
  const since = record.startedAt === undefined ? "" : ` since ${formatTime(record.startedAt)}`;
  if (state === "running" || state === "retrying")
    printNote(`${task} ${id} is ${state}${since}, attempt ${attempt}${progress}; --wait waits for its end`);
  else
    printNote(
      `${task} ${id} ${state}${error === undefined ? "" : `: ${error.stack ?? `${error.name}: ${error.message}`}`}`,
    );
  return EXIT.no;
}

/** Prints the value of a task that succeeded. Anything else is said on stderr, with exit code 1. */
export async function result(id: string, flags: ResultFlags): Promise<ExitCode> {
  const wanted = checkId(id);
  const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout, "--timeout");
  const record = await withPlacesOpen(flags, async ({ results }) => {
    if (results === undefined) throw new NoResultStoreError();
    return flags.wait === true ? waitFinal(results, wanted, timeoutMs) : readNow(results, wanted);
  });
  if (flags.json !== true) return print(record);
  const { value, progress, ...rest } = record;
  printJson({
    ...rest,
    ...(value === undefined ? {} : { value: shown(value) }),
    ...(progress === undefined ? {} : { progress: shown(progress) }),
  });
  return record.state === "succeeded" ? EXIT.ok : EXIT.no;
}
