/** The producer: enqueues, and waits for results. It knows the tasks by name and type and loads none of their code. */

import { type App, taskRef } from "@lovage/core";
import { isLovageError, type LovageError } from "@lovage/core/contracts";
import type { fetchDocument, Indexed, indexDocument, Places } from "./app.ts";
import type { Progress } from "./progress.ts";

const fetchTask = taskRef<typeof fetchDocument>("documents.fetch", { queue: "io" });
const indexTask = taskRef<typeof indexDocument>("documents.index", { queue: "cpu" });

/** For the producer's `createApp({ tasks })`. */
export const PRODUCED = [fetchTask, indexTask];

export interface Produced {
  readonly indexed: readonly Indexed[];
  /** Why documents are missing from the index. */
  readonly failures: readonly string[];
}

/** Resolves when every document is indexed or has failed for good. */
export async function produce(
  documents: readonly string[],
  places: Places,
  app: App,
  progress: Progress,
): Promise<Produced> {
  const io = progress.queue("io", "fetch: wait for the server");
  const cpu = progress.queue("cpu", "index: compute");
  const indexed: Indexed[] = [];
  const failures: string[] = [];
  for (const queue of [io, cpu]) queue.total(documents.length);
  const runs = await fetchTask.enqueueMany(documents.map((path, number) => [number, path, places]));
  await Promise.all(
    runs.map(async (run, number) => {
      try {
        const indexing = app.handle<Indexed>(await run.result());
        io.done();
        indexed.push(await indexing.result());
        cpu.done();
      } catch (error) {
        if (!isLovageError(error, "TASK_FAILED")) throw error;
        failures.push(`${documents[number]}: ${(error as LovageError).message}`);
      }
    }),
  );
  return { indexed, failures };
}
