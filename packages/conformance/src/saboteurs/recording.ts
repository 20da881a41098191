import type { ResultRecord, ResultStore } from "@lovage/core/contracts";
import { memoryResults, memoryServer } from "@lovage/core/memory";
import { type ResultSaboteur, SHORT_PATIENCE_MS } from "./saboteur.ts";
import { but } from "./tamper.ts";

function resultSaboteur(
  name: string,
  caughtBy: readonly string[],
  tamper: (store: ResultStore) => ResultStore,
): ResultSaboteur {
  return {
    name,
    caughtBy,
    harness() {
      const server = memoryServer();
      return { name, patienceMs: SHORT_PATIENCE_MS, create: () => tamper(memoryResults({ server })) };
    },
  };
}

export const recording: readonly ResultSaboteur[] = [
  resultSaboteur("lets the last writer win", ["results/older-attempt-loses", "results/final-is-final"], (store) =>
    but(store, {
      async write(records) {
        await store.forget(records.map(({ id }) => id));
        await store.write(records);
      },
    }),
  ),
  resultSaboteur("looks first and subscribes a moment later", ["results/no-wake-up-is-lost"], (store) =>
    but(store, {
      async *wait(id, options): AsyncIterable<ResultRecord> {
        const [present] = await store.read([id]);
        if (present !== undefined) yield present;
        if (present?.final) return;
        for (let tick = 0; tick < 10; tick += 1) await new Promise((resolve) => setImmediate(resolve));
        const [missed] = await store.read([id]);
        for await (const record of store.wait(id, options)) if (record !== missed) yield record;
        if (missed?.final) await new Promise(() => {});
      },
    }),
  ),
  resultSaboteur("shows only what changes", ["results/wait-shows-what-is-there"], (store) =>
    but(store, {
      async *wait(id, options): AsyncIterable<ResultRecord> {
        const [present] = await store.read([id]);
        for await (const record of store.wait(id, options)) if (record !== present) yield record;
      },
    }),
  ),
  resultSaboteur("skips the final record when others came before", ["results/wait-follows-changes"], (store) =>
    but(store, {
      async *wait(id, options): AsyncIterable<ResultRecord> {
        let others = 0;
        for await (const record of store.wait(id, options)) {
          if (!record.final) others += 1;
          if (!record.final || others === 0) yield record;
        }
      },
    }),
  ),
  resultSaboteur("keeps records for ever", ["results/expires"], (store) =>
    but(store, { write: (records) => store.write(records.map(({ ttlMs: _ttlMs, ...record }) => record)) }),
  ),
  resultSaboteur("forgets for itself only", ["results/forgets"], (store) => {
    const forgotten = new Set<string>();
    return but(store, {
      async forget(ids) {
        for (const id of ids) forgotten.add(id);
      },
      read: async (ids) =>
        (await store.read(ids)).map((record) => (forgotten.has(record?.id ?? "") ? undefined : record)),
    });
  }),
];
