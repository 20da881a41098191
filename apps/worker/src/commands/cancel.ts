import { brokerClient } from "@lovage/core";
import type { RevokeOutcome } from "@lovage/core/contracts";
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
    const revoked = await brokerClient(broker, results, { queues: {} }).cancel(ids, wish);
    const asked = revoked.filter(({ status }) => status === "owned" || status === "unknown").map(({ id }) => id);
    if (asked.length === 0 || broker.control === undefined) return revoked;
    // The client has told the workers already and does not listen for answers; asked again, the holder says that it is the one.
    const replies = valuesOf<{ cancelled: readonly string[] }>(
      await askWorkers(broker, "cancel", { ids: asked, ...wish }, { timeoutMs: CONTROL_MS }),
    );
    return revoked.map((outcome) => {
      const holder = replies.find(({ value }) => value.cancelled.includes(outcome.id));
      return holder === undefined ? outcome : { id: outcome.id, status: "aborted", worker: holder.worker };
    });
  });
  if (flags.json === true) printJson(outcomes);
  else
    for (const { id, status, worker } of outcomes)
      printLine(`${id} ${WORDS[status]}${worker === undefined ? "" : ` (${worker})`}`);
  return outcomes.every(({ status }) => status === "absent") ? EXIT.no : EXIT.ok;
}
