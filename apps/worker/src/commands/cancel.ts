import { brokerClient } from "@lovage/core";
import type { Broker, RevokeOutcome } from "@lovage/core/contracts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { checkId } from "../flags/task-id.ts";
import { printJson, printLine } from "../output/print.ts";
import { askWorkers, valuesOf } from "./ask-workers.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withPlacesOpen } from "./with-places.ts";

const CONTROL_MS = 1_000;

interface Cancelled {
  readonly id: string;
  readonly status: RevokeOutcome["status"] | "aborted";
  readonly worker?: string;
}

const WORDS: Readonly<Record<Cancelled["status"], string>> = {
  removed: "was waiting and is removed",
  aborted: "was running and is told to end",
  owned: "is held by a worker that did not answer; it will not run again",
  absent: "is not here: finished, or not yet published; a message with this id that appears within a day is dropped",
  unknown: "is cancelled if it is waiting; this broker cannot tell",
};

/** Which worker ended which of the tasks. */
async function tellWorkers(
  broker: Broker,
  ids: readonly string[],
  wish: Readonly<Record<string, unknown>>,
): Promise<Map<string, string>> {
  if (ids.length === 0 || broker.control === undefined) return new Map();
  const replies = await askWorkers(broker, "cancel", { ids, ...wish }, { timeoutMs: CONTROL_MS });
  const answers = valuesOf<{ readonly cancelled: readonly string[] }>(replies);
  return new Map(answers.flatMap(({ worker, value }) => value.cancelled.map((id) => [id, worker])));
}

/** Waiting tasks are removed by the broker, running ones aborted by the worker that holds them. */
export async function cancel(
  ids: readonly string[],
  flags: PlaceFlags & ListFlags & { stop?: boolean; reason?: string },
): Promise<ExitCode> {
  for (const id of ids) checkId(id);
  const wish = {
    ...(flags.stop === true ? { stop: true } : {}),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
  };
  const outcomes = await withPlacesOpen(flags, async ({ broker, results }): Promise<readonly Cancelled[]> => {
    // Workers first: told by the client they would end the task as well, but nobody would hear which one did.
    const holders = await tellWorkers(broker, ids, wish);
    const revoked = await brokerClient(broker, results, { queues: {} }).cancel(ids, wish);
    const late = revoked.filter(({ id, status }) => status === "owned" && !holders.has(id)).map(({ id }) => id);
    for (const [id, worker] of await tellWorkers(broker, late, wish)) holders.set(id, worker);
    return revoked.map((outcome) => {
      const worker = holders.get(outcome.id);
      return worker === undefined ? outcome : { id: outcome.id, status: "aborted", worker };
    });
  });
  if (flags.json === true) printJson(outcomes);
  else
    for (const { id, status, worker } of outcomes)
      printLine(`${id} ${WORDS[status]}${worker === undefined ? "" : ` (${worker})`}`);
  return outcomes.every(({ status }) => status === "absent") ? EXIT.no : EXIT.ok;
}
