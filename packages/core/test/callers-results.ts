/** A result store that keeps results for their callers, and shows what was asked of it. */

import { AwaitedResults } from "../src/brokers/index.ts";
import type { ResultRecord, ResultStore } from "../src/contracts/index.ts";

export interface CallersResults extends ResultStore {
  readonly written: ResultRecord[];
  readonly awaited: AwaitedResults;
  /** What `expect` rejects with, while there is something. */
  refusal: Error | undefined;
}

export function callersResults(address: string): CallersResults {
  const awaited = new AwaitedResults({ name: "callers", maxKept: 100 });
  const written: ResultRecord[] = [];
  const store: CallersResults = {
    name: "callers",
    capabilities: { keptFor: "caller" },
    written,
    awaited,
    refusal: undefined,
    async connect() {},
    async close() {
      awaited.close();
    },
    async expect(ids) {
      if (store.refusal !== undefined) throw store.refusal;
      awaited.expect(ids);
      return address;
    },
    async write(records) {
      written.push(...records);
      for (const record of records) if (record.replyTo === address) awaited.arrived(record);
    },
    read: async (ids) => ids.map((id) => awaited.read(id)),
    wait: (id, options) => awaited.wait(id, options?.signal),
    async forget(ids) {
      awaited.forget(ids);
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
  return store;
}
