/**
 * A worker in a process of its own: `drain` acks what it gets and says how much that was, `hold` settles nothing, `serve` answers
 * commands and emits events, `finish` writes the result of the id that it is given.
 */

import { sqliteBroker, sqliteResults } from "../src/index.ts";

const [role, path = "", argument = ""] = process.argv.slice(2);
const broker = sqliteBroker(path);
await broker.connect();

const roles: Record<string, () => Promise<void>> = {
  async drain() {
    const acked: string[] = [];
    await broker.consume({ queue: "q", credit: 50 }, (batch) => {
      for (const delivery of batch) {
        void delivery.ack().then((answer) => {
          if (answer === "done") acked.push(delivery.message.id);
        });
      }
    });
    process.send?.("ready");
    process.on("message", async () => {
      await broker.close();
      process.send?.(acked, () => process.exit(0));
    });
  },
  async hold() {
    const held: string[] = [];
    await broker.consume({ queue: "q", credit: Number(argument) }, (batch) => {
      held.push(...batch.map(({ message }) => message.id));
      if (held.length === Number(argument)) process.send?.(held);
    });
  },
  async serve() {
    const worker = `child-${argument}`;
    const identity = { id: worker, host: "here", pid: process.pid, startedAt: Date.now(), version: "0" };
    await broker.control?.serve(identity, ({ name }) => {
      const base = { at: Date.now(), worker, id: "i", task: "t", queue: "q", attempt: 1 };
      if (name === "emit") broker.control?.emit([{ ...base, type: "task-received" }]);
      return `${name} by ${process.pid}`;
    });
    process.send?.("ready");
  },
  async finish() {
    const results = sqliteResults(path);
    await results.connect();
    const record = { id: argument, task: "t", attempt: 1 };
    await results.write([{ ...record, state: "running", final: false }]);
    await results.write([{ ...record, state: "succeeded", final: true, value: "[1]" }]);
    await results.close();
    await broker.close();
    process.send?.("written");
    process.disconnect?.();
  },
};
await roles[role ?? ""]?.();
