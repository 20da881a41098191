import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { sqliteResults } from "../src/index.ts";
import { connected, consuming, messages, temporaryFile, until } from "./temporary.ts";

function child(role: string, ...args: string[]): ChildProcess {
  const process = fork(fileURLToPath(new URL("child.ts", import.meta.url)), [role, ...args], { execArgv: [] });
  onTestFinished(async () => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    const ended = new Promise((resolve) => process.once("exit", resolve));
    process.kill("SIGKILL");
    await ended;
  });
  return process;
}

function word<T>(process: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    process.once("message", (message) => resolve(message as T));
    process.once("exit", (code, signal) => reject(new Error(`the child ended with ${code ?? signal}`)));
  });
}

describe("several processes on one file", () => {
  it("share 10,000 messages so that each is delivered to exactly one of them", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    const drainers = [child("drain", path), child("drain", path)];
    await Promise.all(drainers.map(word));
    const all = messages(10_000);
    for (let i = 0; i < all.length; i += 500) await broker.publish(all.slice(i, i + 500));
    await until(async () => {
      const { ready, owned } = await broker.depth("q");
      return ready === 0 && owned === 0;
    });
    const acked = await Promise.all(
      drainers.map((drainer) => {
        const answer = word<string[]>(drainer);
        drainer.send("stop");
        return answer;
      }),
    );
    const ids = acked.flat();
    expect(ids.length).toBe(10_000);
    expect(new Set(ids)).toEqual(new Set(all.map(({ id }) => id)));
    expect(Math.min(...acked.map((own) => own.length))).toBeGreaterThan(0);
  }, 60_000);

  it("give what a killed worker held to another within the lease and a second", async () => {
    const path = temporaryFile();
    const broker = await connected({ path }, 1_000);
    const all = messages(20);
    await broker.publish(all);
    const holder = child("hold", path, "20");
    const held = await word<string[]>(holder);
    expect(held).toEqual(all.map(({ id }) => id));
    const { inbox } = await consuming(broker, 20);
    holder.kill("SIGKILL");
    const killedAt = performance.now();
    const deliveries = await inbox.has(20);
    // The tolerance is for a busy machine; a lease and a second is the promise.
    expect(performance.now() - killedAt).toBeLessThan(2_000 + 500);
    expect(deliveries.map(({ message }) => message.id)).toEqual(held);
    expect(deliveries.every(({ redelivered, deliveryCount }) => redelivered && deliveryCount === 2)).toBe(true);
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
    expect(await broker.depth("q")).toMatchObject({ ready: 0, owned: 0 });
  }, 20_000);

  it("keep what a stopped worker held, if it renews before anybody has reaped it", async () => {
    const path = temporaryFile();
    const broker = await connected({ path, placement: "loop" }, 1_000);
    await broker.publish(messages(1));
    const { inbox } = await consuming(broker, 1);
    const [held] = await inbox.has(1);
    const renewing = setInterval(() => void held?.renew(), 300);
    onTestFinished(() => clearInterval(renewing));
    // The whole process stands still for longer than the lease: nothing of it runs, no timer, no reaping.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    expect(await held?.renew()).toBe("done");
    expect(await held?.ack()).toBe("done");
    expect(inbox.deliveries.length).toBe(1);
  }, 20_000);

  it("notice a publish of another process long before a poll would", async () => {
    const path = temporaryFile();
    const consumer = await connected({ path, pollMs: 60_000 });
    const producer = await connected({ path });
    const { inbox } = await consuming(consumer, 1);
    await until(async () => (await consumer.depth("q")).ready === 0);
    await producer.publish(messages(1));
    await inbox.has(1);
  }, 20_000);
});

describe("control and results across processes", () => {
  it("reach every serving worker, which answers for itself", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    const workers = [child("serve", path, "a"), child("serve", path, "b")];
    await Promise.all(workers.map(word));
    const replies = [];
    for await (const reply of broker.control?.broadcast({ name: "ping" }, { timeoutMs: 10_000, expect: 2 }) ?? []) {
      replies.push(reply);
    }
    expect(replies.map(({ worker }) => worker).sort()).toEqual(["child-a", "child-b"]);
    expect(await broker.control?.serving?.()).toBe(2);
  }, 20_000);

  it("carry events only while somebody listens", async () => {
    const path = temporaryFile();
    const broker = await connected({ path });
    const worker = child("serve", path, "a");
    await word(worker);
    const control = broker.control;
    if (control === undefined) throw new Error("no control channel");
    const ask = async (): Promise<void> => {
      for await (const _ of control.broadcast({ name: "emit" }, { timeoutMs: 10_000, expect: 1 }));
    };
    await ask();
    const heard: string[] = [];
    const stop = await control.listen((events) => heard.push(...events.map(({ type }) => type)));
    await until(async () => {
      await ask();
      return heard.length > 0;
    });
    await stop();
    expect(new Set(heard)).toEqual(new Set(["task-received"]));
    expect(control.dropped).toBe(0);
  }, 20_000);

  it("give a waiter the final record that another process writes", async () => {
    const path = temporaryFile();
    const results = sqliteResults(path);
    onTestFinished(() => results.close());
    await results.connect();
    const states: string[] = [];
    const waiting = (async () => {
      for await (const { state } of results.wait("run-1")) states.push(state);
    })();
    const writer = child("finish", path, "run-1");
    await word(writer);
    await waiting;
    expect(states.at(-1)).toBe("succeeded");
    // Nothing of the broker keeps a process alive that has closed it.
    await new Promise((resolve) => (writer.exitCode === null ? writer.once("exit", resolve) : resolve(0)));
    expect(writer.exitCode).toBe(0);
  }, 20_000);
});
