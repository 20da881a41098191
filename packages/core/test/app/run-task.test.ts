import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import {
  type AppDefinition,
  createApp,
  currentTask,
  LovageError,
  type Middleware,
  type Outcome,
  type RunRequest,
  reject,
  retry,
  runTask,
  SoftLimitError,
  TaskCancelledError,
  task,
} from "../../src/index.ts";
import { runInline } from "../../src/testing/index.ts";
import { bench } from "./bench.ts";
import { Issue, schema } from "./standard-schema.ts";

const untouched = {
  get signal(): AbortSignal {
    throw new Error("the signal was touched");
  },
};
const silent = { onProgress: () => {}, onLog: () => {} };

function request(more: Partial<RunRequest> & { task: string }): RunRequest {
  const headers = { task: more.task, ...more.headers };
  return { id: "run-1", queue: "io", body: "[[]]", attempt: 1, deliveries: 1, retriesLeft: 0, ...more, headers };
}

const run = (
  app: AppDefinition,
  more: Partial<RunRequest> & { task: string },
  control: { signal: AbortSignal } = untouched,
) => runTask(app, request(more), control, silent);

describe("runTask", () => {
  it("gives the encoded value of sync and async tasks, with times, and does not touch the signal", async () => {
    const add = task("add", (a: number, b = 2) => a + b);
    const later = task("later", async () => ({ a: [1] }));
    const app = createApp({ tasks: [add, later] });
    const before = performance.timeOrigin + performance.now();
    const outcome = await run(app, { task: "add", body: "[[1]]" });
    expect(outcome).toMatchObject({ type: "returned", value: "3", durationMs: expect.any(Number) });
    expect(outcome.startedAt).toBeGreaterThan(before - 30);
    expect(outcome.startedAt).toBeLessThan(Date.now() + 30);
    expect(await run(app, { task: "later" })).toMatchObject({ type: "returned", value: '{"a":[1]}' });
  });

  it("finds a task by its former name, and runs under its present one", async () => {
    const app = createApp({ tasks: [task("new.name", () => currentTask().task, { aliases: ["old.name"] })] });
    expect(await run(app, { task: "old.name" })).toMatchObject({ type: "returned", value: '"new.name"' });
  });

  it("sends no value for undefined, nor for a task or message that keeps no result", async () => {
    const give = () => ({ a: 1 });
    const app = createApp({
      tasks: [task("nothing", () => undefined), task("quiet", give, { result: false }), task("loud", give)],
    });
    expect(await run(app, { task: "nothing" })).not.toHaveProperty("value");
    expect(await run(app, { task: "quiet" })).not.toHaveProperty("value");
    expect(await run(app, { task: "quiet", headers: { task: "quiet", result: 60_000 } })).toHaveProperty("value");
    expect(await run(app, { task: "loud", headers: { task: "loud", result: false } })).not.toHaveProperty("value");
  });

  it.each<[string, Partial<RunRequest> & { task: string }, string, string]>([
    ["an unknown task", { task: "who" }, "unknown-task", "UNKNOWN_TASK"],
    ["bytes that are not JSON", { task: "a", body: "\u0000secret" }, "undecodable", "DECODE"],
    ["JSON that is no call", { task: "a", body: '{"secret":1}' }, "undecodable", "DECODE"],
    [
      "another content type",
      { task: "a", headers: { task: "a", contentType: "application/pickle" } },
      "undecodable",
      "DECODE",
    ],
    ["a compression", { task: "a", headers: { task: "a", compression: "gzip" } }, "undecodable", "DECODE"],
    ["another encoding", { task: "a", headers: { task: "a", contentEncoding: "utf-16" } }, "undecodable", "DECODE"],
    ["a newer envelope", { task: "a", headers: { task: "a", v: 2 } }, "undecodable", "DECODE"],
  ])("fails for good on %s, without having begun", async (_, more, code, errorCode) => {
    const app = createApp({ tasks: [task("a", () => 1)] });
    const outcome = await run(app, { retriesLeft: 5, ...more });
    expect(outcome).toMatchObject({ type: "threw", directive: { type: "fail", code }, error: { code: errorCode } });
    expect(outcome.startedAt).toBeUndefined();
    expect(JSON.stringify(outcome)).not.toContain("secret");
  });

  it("takes a content type with parameters", async () => {
    const app = createApp({ tasks: [task("a", () => 1)] });
    const headers = { task: "a", contentType: "application/json; charset=utf-8", contentEncoding: "UTF-8" };
    expect(await run(app, { task: "a", headers })).toMatchObject({ type: "returned" });
  });

  it("turns what was thrown into data, whatever it is", async () => {
    const thrown: unknown[] = [
      new TypeError("bad", { cause: new Error("why") }),
      "text",
      undefined,
      Object.freeze({ code: 7, message: "m" }),
    ];
    const app = createApp({
      tasks: [
        task("sync", (i: number) => {
          throw thrown[i];
        }),
        task("async", async (i: number) => {
          throw thrown[i];
        }),
      ],
    });
    const live = { signal: new AbortController().signal };
    for (const name of ["sync", "async"]) {
      const outcomes: Outcome[] = [];
      for (let i = 0; i < 4; i++) outcomes.push(await run(app, { task: name, body: `[[${i}]]` }, live));
      expect(outcomes).toMatchObject([
        {
          type: "threw",
          error: { name: "TypeError", message: "bad", cause: { message: "why" } },
          durationMs: expect.any(Number),
        },
        { type: "threw", error: { name: "NonError", message: "text" } },
        { type: "threw", error: { name: "NonError", message: "undefined" } },
        { type: "threw", error: { message: "m", code: 7 } },
      ]);
      expect(outcomes.every((outcome) => !("directive" in outcome))).toBe(true);
    }
  });

  it.each<[unknown, string]>([
    [new SoftLimitError(5), "soft-limit"],
    [new TaskCancelledError("run-1"), "cancelled"],
    [new LovageError("SHUTDOWN", "x"), "shutdown"],
    [new LovageError("DELIVERY_LOST", "x"), "lost"],
  ])("calls a throw after the abort by %s an abort", async (reason, expected) => {
    const app = createApp({
      tasks: [
        task("waits", async () => {
          const { signal } = currentTask();
          await new Promise((_, fail) => signal.addEventListener("abort", () => fail(signal.reason)));
        }),
        task("ignores", async () => "done"),
      ],
    });
    const control = new AbortController();
    const waiting = run(app, { task: "waits", retriesLeft: 3 }, control);
    control.abort(reason);
    expect(await waiting).toMatchObject({
      type: "aborted",
      reason: expected,
      error: { code: (reason as LovageError).code },
    });
    expect(await run(app, { task: "ignores" }, control)).toMatchObject({ type: "returned", value: '"done"' });
  });

  it("fails for good when the value cannot travel: the work is done", async () => {
    const app = createApp({ tasks: [task("now", () => ({ when: new Date() }))] });
    expect(await run(app, { task: "now", retriesLeft: 3 })).toMatchObject({
      type: "threw",
      directive: { type: "fail" },
      error: {
        name: "NotSerializableError",
        code: "NOT_SERIALIZABLE",
        message: expect.stringContaining("value.when is a Date"),
      },
      durationMs: expect.any(Number),
    });
  });
});

describe("directives", () => {
  const app = createApp({
    tasks: [
      task("again", () => {
        throw retry({ in: "5s", cause: new Error("busy") });
      }),
      task("soon", () => {
        throw retry();
      }),
      task("no", () => {
        throw reject("no such customer");
      }),
    ],
  });
  const live = { signal: new AbortController().signal };

  it("ask for another attempt, at a time or by the usual backoff", async () => {
    expect(await run(app, { task: "again", retriesLeft: 1 }, live)).toMatchObject({
      type: "threw",
      directive: { type: "retry", delayMs: 5_000 },
      error: { code: "RETRY", cause: { message: "busy" } },
    });
    const soon = await run(app, { task: "soon" }, live);
    expect(soon).toMatchObject({ directive: { type: "retry" } });
    expect((soon as { directive: object }).directive).not.toHaveProperty("delayMs");
  });

  it("send a message to the dead letters with a reason", async () => {
    expect(await run(app, { task: "no", retriesLeft: 9 }, live)).toMatchObject({
      directive: { type: "reject", reason: "no such customer" },
      error: { code: "REJECTED", message: "no such customer" },
    });
  });

  it("refuse a delay that is no duration", () => {
    expect(() => retry({ in: "soon" as never })).toThrow(/retry\(\{ in \}\)/);
  });
});

describe("retry.on and backoff", () => {
  const live = { signal: new AbortController().signal };
  const asked: unknown[] = [];
  const failing = () => {
    throw new TypeError("x");
  };
  const app = createApp({
    tasks: [
      task("picky", failing, {
        retry: {
          attempts: 3,
          on: (error, attempt) => {
            asked.push([(error as Error).name, attempt, currentTask().task]);
            return false;
          },
        },
      }),
      task("paced", failing, { retry: { attempts: 3, on: () => true, backoff: (attempt) => `${attempt * 10}s` } }),
      task("broken", failing, {
        retry: {
          attempts: 3,
          on: () => {
            throw new Error("on is broken");
          },
        },
      }),
      task("nonsense", failing, { retry: { attempts: 3, backoff: () => "soon" as never } }),
      task("routed", failing),
    ],
    routes: { routed: { retry: { attempts: 2, on: () => false } } },
  });

  it("decide in the executor, within the run's context", async () => {
    expect(await run(app, { task: "picky", attempt: 2, retriesLeft: 1 }, live)).toMatchObject({
      directive: { type: "fail" },
    });
    expect(asked).toEqual([["TypeError", 2, "picky"]]);
    expect(await run(app, { task: "paced", attempt: 2, retriesLeft: 1 }, live)).toMatchObject({
      directive: { type: "retry", delayMs: 20_000 },
    });
    expect(await run(app, { task: "routed", retriesLeft: 1 }, live)).toMatchObject({ directive: { type: "fail" } });
  });

  it("are not asked when no retry is left", async () => {
    asked.length = 0;
    expect(await run(app, { task: "picky", retriesLeft: 0 }, live)).not.toHaveProperty("directive");
    expect(asked).toEqual([]);
  });

  it.each(["broken", "nonsense"])(
    "when they fail themselves (%s), say so in the log and leave the usual backoff",
    async (name) => {
      const { outcome, logs } = await runInline(app, name);
      expect(outcome).toMatchObject({ type: "threw", error: { name: "TypeError" } });
      expect(outcome).not.toHaveProperty("directive");
      expect(logs).toMatchObject([{ level: "error", task: name, fields: { error: { message: expect.any(String) } } }]);
    },
  );
});

describe("schemas", () => {
  const numeric = schema<[string], [number]>(
    ([text]) => (/^\d+$/.test(text) ? [Number(text)] : new Issue("not a number", [0])),
    true,
  );
  const short = schema<string, string>((text) => (text.length < 4 ? text.toUpperCase() : new Issue("too long")));
  const app = createApp({
    tasks: [task("repeat", (times) => "ab".repeat(times), { schema: { args: numeric, returns: short } })],
  });

  it("give the function their output, and the result theirs", async () => {
    expect(await run(app, { task: "repeat", body: '[["1"]]' })).toMatchObject({ type: "returned", value: '"AB"' });
  });

  it("fail for good: before the run for arguments, after it for the value", async () => {
    const before = await run(app, { task: "repeat", body: '[["x"]]', retriesLeft: 3 });
    expect(before).toMatchObject({
      directive: { type: "fail", code: "invalid" },
      error: { message: expect.stringContaining("args[0]: not a number") },
    });
    expect(before.startedAt).toBeUndefined();
    const after = await run(app, { task: "repeat", body: '[["2"]]', retriesLeft: 3 });
    expect(after).toMatchObject({
      directive: { type: "fail", code: "invalid" },
      error: { message: expect.stringContaining("value: too long") },
    });
    expect(after.durationMs).toBeGreaterThanOrEqual(0);
  });
});

describe("middleware", () => {
  const trace: string[] = [];
  const named =
    (name: string): Middleware =>
    async (context, next) => {
      trace.push(`${name} before ${context.task} ${currentTask().attempt}`);
      try {
        return `${name}(${await next()})`;
      } finally {
        trace.push(`${name} after`);
      }
    };

  it("wraps each run, the first outermost, and may change the value or catch the error", async () => {
    const rescue: Middleware = async (_, next) => next().catch((error) => `rescued ${error.message}`);
    const app = createApp({
      tasks: [
        task("ok", () => "x"),
        task("bad", () => {
          throw new Error("b");
        }),
      ],
      middleware: [named("outer"), rescue, named("inner")],
    });
    expect((await runInline(app, "ok", [], { attempt: 2 })).value).toBe("outer(inner(x))");
    expect(trace).toEqual(["outer before ok 2", "inner before ok 2", "inner after", "outer after"]);
    expect((await runInline(app, "bad")).value).toBe("outer(rescued b)");
  });

  it("cannot run a task twice", async () => {
    let runs = 0;
    const app = createApp({
      tasks: [task("once", () => ++runs)],
      middleware: [
        async (_, next) => {
          await next();
          return next();
        },
      ],
    });
    expect((await runInline(app, "once")).outcome).toMatchObject({ type: "threw", error: { code: "MIDDLEWARE" } });
    expect(runs).toBe(1);
  });
});

describe("currentTask", () => {
  it("knows the run, from anywhere below it", async () => {
    const look = async () => {
      await Promise.resolve();
      const { id, task: name, queue, attempt, deliveries, deadline, headers, root, parent, signal } = currentTask();
      return {
        id,
        name,
        queue,
        attempt,
        deliveries,
        deadline,
        mine: headers["shop.order"],
        root,
        parent,
        aborted: signal.aborted,
      };
    };
    const app = createApp({ tasks: [task("look", () => look())] });
    const outcome = await run(
      app,
      {
        task: "look",
        id: "i",
        queue: "q",
        attempt: 2,
        deliveries: 3,
        deadline: 9,
        headers: { task: "look", root: "r", parent: "p", "shop.order": 1 },
      },
      { signal: new AbortController().signal },
    );
    expect(JSON.parse((outcome as { value: string }).value)).toEqual({
      id: "i",
      name: "look",
      queue: "q",
      attempt: 2,
      deliveries: 3,
      deadline: 9,
      mine: 1,
      root: "r",
      parent: "p",
      aborted: false,
    });
  });

  it("keeps runs that wait at the same time apart", async () => {
    const app = createApp({
      tasks: [
        task("who", async (ms: number) => {
          await new Promise((resolve) => setTimeout(resolve, ms));
          return currentTask().id;
        }),
      ],
    });
    const runs = await Promise.all([5, 1, 3].map((ms, i) => runInline(app, "who", [ms], { id: `run-${i}` })));
    expect(runs.map(({ value }) => value)).toEqual(["run-0", "run-1", "run-2"]);
  });

  it("reports progress and logs as data, whatever is logged", async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const app = createApp({
      tasks: [
        task("talk", () => {
          const { progress, log } = currentTask();
          progress(0.5);
          progress({ done: 7 });
          log.info("began", {
            big: 1n,
            error: new Error("e"),
            at: new Date(0),
            fn: () => 1,
            circle,
            map: new Map([["a", 1]]),
            nan: Number.NaN,
          });
          log.warn("plain");
        }),
        task("wrong", () => currentTask().progress(1n)),
      ],
    });
    const { progress, logs } = await runInline(app, "talk", [], { id: "t" });
    expect(progress).toEqual([0.5, { done: 7 }]);
    expect(logs).toMatchObject([
      {
        id: "t",
        task: "talk",
        attempt: 1,
        level: "info",
        message: "began",
        fields: { big: "1", error: { message: "e" }, at: "1970-01-01T00:00:00.000Z", map: { a: 1 }, nan: "NaN" },
      },
      { level: "warn", message: "plain" },
    ]);
    expect(() => structuredClone(logs)).not.toThrow();
    expect((await runInline(app, "wrong")).outcome).toMatchObject({
      type: "threw",
      error: { code: "NOT_SERIALIZABLE" },
    });
  });

  it("is a harmless local one outside a run", () => {
    const { attempt, deliveries, signal, deadline, parent, id, root, progress } = currentTask();
    expect({ attempt, deliveries, deadline, parent, aborted: signal.aborted }).toEqual({
      attempt: 1,
      deliveries: 1,
      deadline: undefined,
      parent: undefined,
      aborted: false,
    });
    expect(id).toBe(root);
    expect(progress({ any: 1n })).toBeUndefined();
  });

  it("is the same for every copy of this package in the thread", async () => {
    const storage = Reflect.get(globalThis, Symbol.for("lovage.run-storage")) as AsyncLocalStorage<{ id: string }>;
    expect(storage).toBeInstanceOf(AsyncLocalStorage);
    const app = createApp({ tasks: [task("peek", () => storage.getStore()?.id)] });
    expect((await runInline(app, "peek", [], { id: "shared" })).value).toBe("shared");
  });
});

describe("an enqueue inside a run", () => {
  it("inherits root, parent and trace headers, and goes through the app that runs it", async () => {
    const child = task("child", () => 1);
    const parent = task("parent", async () => (await child.enqueue()).id);
    const elsewhere = await bench({ tasks: [child, parent] });
    const here = await bench({ tasks: [child, parent] });
    const { value } = await runInline(here.app, parent, [], {
      id: "p-1",
      headers: { "trace.parent": "00-ab", "shop.order": 1 },
    });
    const [delivery] = await here.take("io");
    expect(delivery?.message.id).toBe(value);
    const { publishedAt, ...headers } = delivery?.message.headers ?? { task: "" };
    expect(headers).toEqual({ task: "child", root: "p-1", parent: "p-1", "trace.parent": "00-ab" });
    await runInline(here.app, parent, [], { id: "p-2", headers: { root: "r-0" } });
    expect((await here.take("io"))[0]?.message.headers).toMatchObject({ root: "r-0", parent: "p-2" });
    expect(elsewhere.published).toEqual([]);
  });
});
