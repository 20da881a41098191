/** Saboteurs that keep results for their callers, and not as they should. */

import type { ResultRecord, ResultStore } from "@lovage/core/contracts";
import { type Callers, MemoryReplies } from "./reference-replies.ts";
import { type ResultSaboteur, SHORT_PATIENCE_MS } from "./saboteur.ts";
import { but } from "./tamper.ts";

function replySaboteur(
  name: string,
  caughtBy: readonly string[],
  tamper: (store: ResultStore, callers: Callers) => ResultStore,
): ResultSaboteur {
  return {
    name,
    caughtBy,
    harness() {
      const callers: Callers = new Map();
      return { name, patienceMs: SHORT_PATIENCE_MS, create: () => tamper(new MemoryReplies(callers), callers) };
    },
  };
}

/** What is written is changed on the way. */
function changed(store: ResultStore, change: (record: ResultRecord) => ResultRecord): ResultStore {
  return but(store, { write: (records) => store.write(records.map(change)) });
}

const expected = (store: ResultStore, ids: readonly string[]): Promise<string> =>
  store.expect?.(ids) ?? Promise.reject(new Error("it expects nothing"));

export const replying: readonly ResultSaboteur[] = [
  replySaboteur("lets anyone wait for what will never come", ["replies/only-the-caller-has-it"], (store) =>
    but(store, {
      read: (ids) => store.read(ids).catch(() => ids.map(() => undefined)),
      async *wait(id, options): AsyncIterable<ResultRecord> {
        await expected(store, [id]);
        yield* store.wait(id, options);
      },
    }),
  ),
  replySaboteur(
    "fails the task because nobody waits",
    ["replies/nobody-waits", "replies/addresses-of-strangers"],
    (store, callers) =>
      but(store, {
        async write(records) {
          for (const { replyTo = "" } of records) if (!callers.has(replyTo)) throw new Error("no such address");
          await store.write(records);
        },
      }),
  ),
  replySaboteur("has one address for all callers", ["replies/callers-are-apart"], (store, callers) =>
    but(store, {
      async expect(ids) {
        const own = await expected(store, ids);
        callers.set("all", callers.get(own) as (record: ResultRecord) => void);
        return "all";
      },
      write: (records) => store.write(records.map((record) => ({ ...record, replyTo: "all" }))),
    }),
  ),
  replySaboteur("lets the last reply win", ["replies/does-not-go-back"], (store, callers) =>
    but(store, {
      async expect(ids) {
        const address = await expected(store, ids);
        const arrive = callers.get(address);
        const overwrite = (record: ResultRecord): void => {
          void store.forget([record.id]);
          void store.expect?.([record.id]);
          callers.set(address, overwrite);
          arrive?.(record);
        };
        callers.set(address, overwrite);
        return address;
      },
    }),
  ),
  replySaboteur("hears only what comes while somebody waits", ["replies/no-reply-is-lost"], (store) =>
    but(store, {
      async *wait(id, options): AsyncIterable<ResultRecord> {
        const [present] = await store.read([id]);
        if (present === undefined) yield* store.wait(id, options);
        else yield* but(store, {}).wait("nobody", options);
      },
    }),
  ),
  replySaboteur("takes bytes for text", ["replies/round-trip"], (store) =>
    changed(store, ({ value, ...record }) => ({
      ...record,
      ...(value === undefined ? {} : { value: value.toString() }),
    })),
  ),
  replySaboteur("keeps the end to itself while one waits", ["replies/wait-follows-until-the-end"], (store) =>
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
  replySaboteur("keeps replies for ever", ["replies/expires"], (store) =>
    changed(store, ({ ttlMs: _ttlMs, ...record }) => record),
  ),
  replySaboteur("does not forget", ["replies/forgets"], (store) => but(store, { forget: async () => {} })),
  replySaboteur("ends all waits when one is called off", ["replies/wait-can-be-called-off"], (store) => {
    const all = new AbortController();
    return but(store, {
      async *wait(id, { signal } = {}): AsyncIterable<ResultRecord> {
        signal?.addEventListener("abort", () => all.abort());
        yield* store.wait(id, { signal: AbortSignal.any([all.signal, ...(signal === undefined ? [] : [signal])]) });
      },
    });
  }),
  replySaboteur("takes what is written after its close", ["replies/close-is-final-and-idempotent"], (store) =>
    but(store, { write: (records) => store.write(records).catch(() => {}) }),
  ),
];
