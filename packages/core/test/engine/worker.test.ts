import { afterEach, describe, expect, it } from "vitest";
import { BrokerUnavailableError, type Delivery, ExecutorStartError } from "../../src/contracts/index.ts";
import { createWorker, type WorkerOptions } from "../../src/engine/index.ts";
import { createApp } from "../../src/index.ts";
import { memoryBroker, memoryResults, memoryServer } from "../../src/memory/index.ts";
import { HandPool } from "./hand-pool.ts";
import { type Harness, type HarnessOptions, harness } from "./harness.ts";
import { countingRenewals, hastyRedelivery, losing, wrap } from "./wrapped-broker.ts";

const open: Harness[] = [];
async function start(options?: HarnessOptions): Promise<Harness> {
  const made = await harness(options);
  open.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ worker }) => worker.stop({ graceMs: 0 })));
});

describe("taking work", () => {
  it("hands over no more than there are slots, and the next as soon as one is free", async () => {
    const { pool, broker, send } = await start({ slots: 2 });
    await send(5);
    await pool.nth(1);
    expect(await broker.depth("io")).toMatchObject({ ready: 3, owned: 2 });
    (await pool.nth(0)).returns();
    await pool.nth(2);
    expect(pool.running.size).toBe(2);
  });

  it("removes the message of a task that returned", async () => {
    const { pool, broker, send, next, worker } = await start();
    await send(1);
    (await pool.nth(0)).returns();
    await next("task-succeeded");
    await worker.drained();
    expect(await broker.depth("io")).toMatchObject({ ready: 0, owned: 0, delayed: 0, dead: 0 });
    expect(worker.stats().totals).toMatchObject({ received: 1, succeeded: 1 });
  });

  it("takes more when the pool grows and no more when it shrinks", async () => {
    const { pool, send, broker } = await start({ slots: 1 });
    await send(4);
    await pool.nth(0);
    await pool.resize(3);
    await pool.nth(2);
    expect(pool.runs).toHaveLength(3);
    await pool.resize(1);
    for (const run of [...pool.running]) run.returns();
    await pool.nth(3);
    expect(pool.running.size).toBe(1);
    expect(await broker.depth("io")).toMatchObject({ ready: 0 });
  });

  it("takes nothing while quiet, and goes on afterwards", async () => {
    const { worker, pool, send, broker } = await start();
    worker.quiet();
    await send(1);
    expect(await broker.depth("io")).toMatchObject({ ready: 1, owned: 0 });
    expect(worker.state).toBe("quiet");
    worker.unquiet();
    (await pool.nth(0)).returns();
    await worker.drained();
  });

  it("serves several queues with one slot by taking turns", async () => {
    const { pool, send, worker } = await start({ slots: 1, queues: ["a", "b", "c"] });
    for (const queue of ["c", "b", "a"]) await send(1, { queue });
    const served = new Set<string>();
    for (let index = 0; index < 3; index++) {
      const run = await pool.nth(index);
      served.add(run.request.queue);
      run.returns();
    }
    await worker.drained();
    expect([...served].sort()).toEqual(["a", "b", "c"]);
  });
});

describe("what a task's ending does to its message", () => {
  it("queues another attempt, numbered, after a failure that may be retried", async () => {
    const { pool, send, next } = await start({ task: { retry: { attempts: 3, delay: 1, jitter: "none" } } });
    await send(1);
    (await pool.nth(0)).throws();
    expect(await next("task-retried")).toMatchObject({ attempt: 1, delayMs: 1 });
    const second = await pool.nth(1);
    expect(second.request).toMatchObject({ attempt: 2, retriesLeft: 1 });
    second.returns();
    expect(await next("task-succeeded")).toMatchObject({ attempt: 2 });
  });

  it("moves a task that failed for good to the dead letters with its reason", async () => {
    const { pool, send, broker, next, worker } = await start();
    const [id] = await send(1, { headers: { "x.tenant": "acme" } });
    (await pool.nth(0)).throws("no such file");
    await next("task-failed");
    await worker.drained();
    const [dead] = await broker.deadLetters("io");
    expect(dead).toMatchObject({
      id,
      reason: { code: "failed", details: "Error: no such file" },
      headers: { "x.tenant": "acme" },
    });
  });

  it("begins a crashed task again at once with one more start on record, and gives up at the third", async () => {
    const { pool, send, broker, next, worker } = await start();
    await send(1);
    for (let start = 0; start < 3; start++) {
      const run = await pool.nth(start);
      expect(run.request.headers.starts ?? 0).toBe(start);
      expect(run.request.attempt).toBe(1);
      run.end({ type: "crashed", alone: true, signal: "SIGKILL", lastOutput: [] });
    }
    expect(await next("task-failed")).toMatchObject({ reason: "poison" });
    await worker.drained();
    expect(await broker.deadLetters("io")).toMatchObject([{ reason: { code: "poison" } }]);
  });

  it("gives back, unblamed, a run that was abandoned for a neighbour's sake", async () => {
    const { pool, send, next } = await start();
    await send(1);
    (await pool.nth(0)).end({ type: "abandoned", reason: "neighbour killed" });
    await next("task-released");
    const again = await pool.nth(1);
    expect(again.request.attempt).toBe(1);
    expect(again.request.headers.starts).toBeUndefined();
  });
});

describe("messages that cannot be run", () => {
  it("dead-letters a task that nobody knows", async () => {
    const { send, broker, next } = await start();
    await send(1, { task: "nobody.knows" });
    expect(await next("task-failed")).toMatchObject({ reason: "unknown-task", task: "nobody.knows" });
    expect(await broker.deadLetters("io")).toMatchObject([
      { reason: { code: "unknown-task", details: expect.stringContaining("it registers: t, other") } },
    ]);
  });

  it("does not start what has expired", async () => {
    const { send, broker, next, pool } = await start();
    await send(1, { headers: { expiresAt: Date.now() - 1 } });
    await next("task-expired");
    await next("task-failed");
    expect(await broker.deadLetters("io")).toMatchObject([{ reason: { code: "expired" } }]);
    expect(pool.runs).toHaveLength(0);
  });

  it("dead-letters an envelope from the future instead of guessing", async () => {
    const { send, broker, next } = await start();
    await send(1, { headers: { v: 2 } });
    await next("task-failed");
    expect(await broker.deadLetters("io")).toMatchObject([{ reason: { code: "undecodable" } }]);
  });
});

describe("suspects", () => {
  it("runs a message that has ended two executors alone, and its neighbours afterwards", async () => {
    const { pool, send } = await start({ slots: 3 });
    await send(2);
    const [first, second] = [await pool.nth(0), await pool.nth(1)];
    const [suspect] = await send(1, { headers: { starts: 2 } });
    await send(2);
    first.returns();
    expect(pool.runs).toHaveLength(2);
    second.returns();
    const alone = await pool.nth(2);
    expect(alone.request.id).toBe(suspect);
    expect(pool.running.size).toBe(1);
    alone.returns();
    await pool.nth(4);
    expect(pool.running.size).toBe(2);
  });

  it("lets everybody run where each task has a process of its own", async () => {
    const { pool, send } = await start({ slots: 3, capabilities: { isolation: "process", kill: "always" } });
    await send(1);
    await pool.nth(0);
    await send(1, { headers: { starts: 2 } });
    await send(1);
    await pool.nth(2);
    expect(pool.running.size).toBe(3);
  });
});

describe("limits", () => {
  it("aborts at the soft limit, kills at the hard one, and counts the attempt", async () => {
    const { pool, send, next } = await start({ task: { limits: { soft: 20, hard: 60 } } });
    await send(1);
    const run = await pool.nth(0);
    expect(run.request.deadline).toBeGreaterThan(Date.now() - 1_000);
    const failed = await next("task-failed");
    expect(run.aborts).toEqual(["soft-limit"]);
    expect(run.kills).toEqual(["hard-limit"]);
    expect(failed.error).toMatchObject({ code: "HARD_LIMIT" });
  });

  it("refuses at once a hard limit that the pool cannot keep", async () => {
    await expect(harness({ task: { limits: { hard: "1s" } }, capabilities: { kill: "never" } })).rejects.toMatchObject({
      code: "CAPABILITY_MISSING",
      message: expect.stringContaining("process or thread pool"),
    });
  });
});

describe("cancelling", () => {
  it("aborts a running task, does not retry it, and stores that it was cancelled", async () => {
    const results = memoryResults();
    const { worker, pool, send, next, broker } = await start({ results, task: { retry: 5 } });
    const [id] = (await send(1)) as [string];
    const run = await pool.nth(0);
    expect(worker.cancel(id, { reason: "changed my mind" })).toBe(true);
    expect(run.aborts).toEqual(["cancelled"]);
    run.throws();
    await next("task-cancelled");
    await worker.drained();
    expect(await results.read([id])).toMatchObject([{ state: "cancelled", final: true }]);
    expect(await broker.depth("io")).toMatchObject({ dead: 0, delayed: 0 });
  });

  it("says no for a task that is not here", async () => {
    const { worker } = await start();
    expect(worker.cancel("00000000-0000-7000-8000-000000000000")).toBe(false);
  });
});

describe("ownership", () => {
  it("renews the lease of a task for as long as it runs", async () => {
    const { broker, renewed } = countingRenewals(memoryBroker());
    const { pool, send, next } = await start({ slots: 1, broker });
    await send(1);
    const run = await pool.nth(0);
    await renewed(5);
    expect(pool.runs).toHaveLength(1);
    run.returns();
    await next("task-succeeded");
  });

  it("lets a run go on when its message comes again, and settles the new delivery", async () => {
    const server = memoryServer();
    const { broker, lose } = losing(memoryBroker({ server }));
    const { pool, send, next, worker } = await start({ slots: 2, broker });
    const [id] = await send(1);
    const run = await pool.nth(0);
    await lose();
    expect(await next("task-lost")).toMatchObject({ id });
    expect(await next("task-adopted")).toMatchObject({ id });
    run.returns();
    await next("task-succeeded");
    await worker.drained();
    expect(pool.runs).toHaveLength(1);
    expect(await broker.depth("io")).toMatchObject({ ready: 0, owned: 0, dead: 0 });
  });

  it("takes as new work what comes again before its giving back is confirmed", async () => {
    const { pool, send, worker, broker } = await start({ broker: hastyRedelivery(memoryBroker()) });
    await send(1);
    (await pool.nth(0)).end({ type: "abandoned", reason: "neighbour killed" });
    (await pool.nth(1)).returns();
    await worker.drained();
    expect(await broker.depth("io")).toMatchObject({ ready: 0, owned: 0, dead: 0 });
    expect(worker.stats().totals).toMatchObject({ received: 2, released: 1, succeeded: 1 });
  });

  it("records the start of a message that was handed out before, ahead of running it", async () => {
    const server = memoryServer();
    const first = memoryBroker({ server });
    await first.connect();
    await first.ensureQueue({ name: "io" });
    const taken = Promise.withResolvers<Delivery>();
    await first.consume({ queue: "io", credit: 1 }, ([delivery]) => taken.resolve(delivery as Delivery));
    await first.publish([
      { id: "00000000-0000-7000-8000-000000000001", queue: "io", headers: { task: "t" }, body: "[[]]", priority: 5 },
    ]);
    await taken.promise;
    await first.close();
    const order: string[] = [];
    const broker = wrap(memoryBroker({ server }), (delivery) => {
      const markStarted = delivery.markStarted.bind(delivery);
      delivery.markStarted = async () => {
        const settlement = await markStarted();
        order.push(`recorded ${delivery.starts}`);
        return settlement;
      };
      return delivery;
    });
    const { pool } = await start({ broker });
    const run = await pool.nth(0);
    order.push("running");
    expect(order).toEqual(["recorded 1", "running"]);
    run.returns();
  });
});

describe("a result store that is away", () => {
  it("does not hold slots, loses no outcome, and is written when it comes back", async () => {
    const results = memoryResults();
    const gate = { open: false };
    const flaky = new Proxy(results, {
      get: (target, key) =>
        key === "write" && !gate.open
          ? () => Promise.reject(new BrokerUnavailableError("the store is away"))
          : (Reflect.get(target, key).bind?.(target) ?? Reflect.get(target, key)),
    });
    const { pool, send, next, worker } = await start({ slots: 1, results: flaky });
    const ids = await send(3);
    (await pool.nth(0)).returns("1");
    expect(await next("result-store")).toMatchObject({ state: "failing" });
    (await pool.nth(1)).returns("2");
    (await pool.nth(2)).returns("3");
    expect(await results.read(ids)).toEqual([undefined, undefined, undefined]);
    gate.open = true;
    expect(await next("result-store")).toMatchObject({ state: "recovered" });
    await worker.drained();
    expect(await results.read(ids)).toMatchObject([{ value: "1" }, { value: "2" }, { value: "3" }]);
  });
});

describe("starting", () => {
  it("reports the first failure and leaves nothing running", async () => {
    const pool = new HandPool(1);
    pool.start = () => Promise.reject(new ExecutorStartError("the module threw"));
    const broker = memoryBroker();
    const worker = createWorker({
      app: { exportName: "default", definition: createApp({ tasks: [] }) },
      broker,
      pools: { io: { pool } },
      queues: [{ name: "io", pool: "io" }],
    });
    await expect(worker.start()).rejects.toMatchObject({ code: "EXECUTOR_START" });
    expect(pool.closed).toBe(true);
    expect(worker.state).toBe("stopped");
    await expect(broker.depth("io")).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  });

  it.each([
    [
      "a queue routed to a pool that does not exist",
      { queues: [{ name: "io", pool: "gpu" }] },
      /pool "gpu".*this worker has io/,
    ],
    [
      "a queue given twice",
      {
        queues: [
          { name: "io", pool: "io" },
          { name: "io", pool: "io" },
        ],
      },
      /given twice/,
    ],
    ["no queue", { queues: [] }, /at least one queue/],
    ["no pool", { pools: {} }, /at least one pool/],
    ["a bad queue name", { queues: [{ name: "a b", pool: "io" }] }, /1 to 128 characters/],
    ["a weight of nothing", { queues: [{ name: "io", pool: "io", weight: 0 }] }, /above 0/],
    ["a negative grace", { graceMs: -1 }, /graceMs must be a number from 0/],
    ["half a delivery of buffer", { pools: { io: { pool: new HandPool(1), buffer: 0.5 } } }, /whole number/],
  ] satisfies [string, Partial<WorkerOptions>, RegExp][])("refuses %s", (_what, wrong, message) => {
    const right: WorkerOptions = {
      app: { exportName: "default", definition: createApp({ tasks: [] }) },
      broker: memoryBroker(),
      pools: { io: { pool: new HandPool(1) } },
      queues: [{ name: "io", pool: "io" }],
    };
    expect(() => createWorker({ ...right, ...wrong })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message) }),
    );
  });
});

describe("control", () => {
  it("answers ping, inspect, resize and cancel, and says what it does not know", async () => {
    const { broker, send, pool, worker } = await start();
    const [id] = await send(1);
    await pool.nth(0);
    const ask = async (name: string, args: Record<string, unknown> = {}) => {
      for await (const reply of broker.control?.broadcast({ name, args }, { timeoutMs: 5_000, expect: 1 }) ?? [])
        return reply;
      throw new Error("nobody answered");
    };
    const { id: me } = worker.identity;
    expect(await ask("ping")).toEqual({ worker: me, ok: true, value: "pong" });
    expect(await ask("inspect", { what: "active" })).toMatchObject({
      ok: true,
      value: [{ id, task: "t", pool: "io" }],
    });
    expect(await ask("inspect", { what: "registered" })).toMatchObject({ value: ["t", "other"] });
    expect(await ask("inspect", { what: "stats" })).toMatchObject({
      value: { state: "running", totals: { received: 1 } },
    });
    expect(await ask("inspect", { what: "conf" })).toMatchObject({ value: { tasks: { t: { queue: "io" } } } });
    expect(await ask("inspect", { what: "moon" })).toMatchObject({
      ok: false,
      error: expect.stringContaining("One of active"),
    });
    expect(await ask("pool-resize", { pool: "io", size: 5 })).toMatchObject({ value: { pool: "io", capacity: 5 } });
    expect(await ask("pool-resize", { pool: "gpu", size: 5 })).toMatchObject({
      ok: false,
      error: expect.stringContaining("it has io"),
    });
    expect(await ask("cancel", { ids: [id, "x"] })).toMatchObject({ value: { cancelled: [id] } });
    expect(await ask("cancel", { ids: "x" })).toMatchObject({ ok: false });
    expect(await ask("dance")).toMatchObject({ ok: false, error: expect.stringContaining("this worker answers ping") });
    expect(await ask("quiet")).toMatchObject({ value: "quiet" });
    expect(await ask("unquiet")).toMatchObject({ value: "running" });
    expect(await ask("shutdown", { graceMs: 0 })).toMatchObject({ value: "stopping" });
    expect(await worker.stop()).toMatchObject({ givenBack: 1 });
  });
});

describe("stopping", () => {
  it("waits for what runs, and reports a clean end", async () => {
    const { worker, pool, send, broker } = await start();
    await send(1);
    const run = await pool.nth(0);
    const stopping = worker.stop({ graceMs: 5_000 });
    await send(1).catch(() => {});
    run.returns();
    expect(await stopping).toMatchObject({ givenBack: 0, finished: 1, clean: true });
    expect(worker.state).toBe("stopped");
    expect(pool.closed).toBe(true);
    await expect(broker.depth("io")).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  });

  it("aborts, then gives back and kills what does not end in time", async () => {
    const { worker, pool, send, next } = await start();
    await send(1);
    const run = await pool.nth(0);
    const report = await worker.stop({ graceMs: 100 });
    expect(run.aborts).toEqual(["shutdown"]);
    expect(run.kills).toEqual(["shutdown"]);
    expect(report).toMatchObject({ givenBack: 1, clean: false });
    expect((await next("stop-phase")).phase).toBe("intake-stopped");
  });

  it("gives back at once when asked a second time", async () => {
    const { worker, pool, send } = await start();
    await send(1);
    await pool.nth(0);
    const first = worker.stop({ graceMs: 60_000 });
    const second = worker.stop();
    expect(await second).toMatchObject({ givenBack: 1 });
    expect(await first).toBe(await second);
  });
});
