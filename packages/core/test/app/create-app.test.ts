import { describe, expect, it } from "vitest";
import type { TaskOptions } from "../../src/contracts/index.ts";
import { type AppOptions, createApp, task, taskRef } from "../../src/index.ts";

const noop = () => undefined;
const refusal = (words: string, code = "CONFIGURATION") =>
  expect.objectContaining({ code, message: expect.stringContaining(words) });

describe("createApp", () => {
  it("gives waiting work an event pool and computing work a process pool", () => {
    const app = createApp({ tasks: [] });
    expect(app.pools).toEqual({ io: { kind: "event" }, cpu: { kind: "process" } });
    expect(app.queues).toEqual({ io: { pool: "io" }, cpu: { pool: "cpu" } });
  });

  it("knows every queue that tasks, routes and defaults name, each with its pool", () => {
    const app = createApp({
      tasks: [task("a", noop, { queue: "mail" }), task("b", noop, { pool: "cpu" })],
      queues: { slow: { pool: "cpu", weight: 2 } },
      routes: { "x.*": "bulk" },
      defaults: { queue: "main" },
    });
    expect(app.queues).toEqual({
      slow: { pool: "cpu", weight: 2 },
      main: { pool: "io" },
      mail: { pool: "io" },
      bulk: { pool: "io" },
      cpu: { pool: "cpu" },
    });
    expect(app.resolve("b").queue).toBe("cpu");
  });

  it("makes the first pool the default one where none is called io", () => {
    const app = createApp({ tasks: [task("a", noop)], pools: { main: { kind: "thread", size: 2 } } });
    expect(app.queues).toEqual({ main: { pool: "main" } });
    expect(app.resolve("a")).toMatchObject({ queue: "main", pool: "main" });
  });

  it("finds tasks by name and alias, and lists each once", () => {
    const a = task("a", noop, { aliases: ["old.a"] });
    const app = createApp({ tasks: [a, task("b", noop), a] });
    expect(app.tasks.size).toBe(2);
    expect(app.tasks.names()).toEqual(["a", "b"]);
    expect(app.tasks.get("old.a")).toBe(a.definition);
    expect([...app.tasks].map(({ name }) => name)).toEqual(["a", "b"]);
    expect(app.resolve("old.a").name).toBe("a");
  });

  it("does not register references, which it could not run", () => {
    const app = createApp({ tasks: [taskRef<typeof noop>("far.away", { queue: "cpu" })] });
    expect(app.tasks.get("far.away")).toBeUndefined();
    expect(app.resolve("far.away")).toMatchObject({ queue: "cpu", pool: "cpu" });
  });

  it("lets references stand beside their task, whose options then hold for both", () => {
    const real = task("a", noop, { queue: "cpu" });
    const refs = [taskRef<typeof real>("a"), taskRef<typeof real>("a", { queue: "mail" })] as const;
    for (const tasks of [
      [refs[0], real, refs[1]],
      [real, ...refs],
    ]) {
      const app = createApp({ tasks });
      expect(app.tasks.names()).toEqual(["a"]);
      expect(refs.map((ref) => app.task(ref).message().queue)).toEqual(["cpu", "cpu"]);
    }
  });

  it("refuses two tasks of one name or alias", () => {
    expect(() => createApp({ tasks: [task("a", noop), task("a", noop)] })).toThrow(refusal('"a"', "DUPLICATE_TASK"));
    expect(() => createApp({ tasks: [task("a", noop), task("b", noop, { aliases: ["a"] })] })).toThrow(
      refusal('"a"', "DUPLICATE_TASK"),
    );
  });

  it.each<[string, unknown, string]>([
    ["an unknown option", { tasks: [], concurrency: 5 }, 'no option "concurrency"'],
    ["tasks that are no list", { tasks: {} }, "must be a list"],
    ["a plain function among the tasks", { tasks: [noop] }, "tasks[0] is not a task"],
    ["a queue of a pool that does not exist", { tasks: [], queues: { a: { pool: "gpu" } } }, 'pool "gpu"'],
    ["an unknown option of a queue", { tasks: [], queues: { a: { prefetch: 4 } } }, 'no option "prefetch"'],
    ["a bad name of a queue", { tasks: [], queues: { "a b": {} } }, '"a b" is not a queue name'],
    ["a lease too short", { tasks: [], queues: { a: { lease: "10ms" } } }, "at least 1000 ms"],
    ["a weight of 0", { tasks: [], queues: { a: { weight: 0 } } }, "above 0"],
    ["queue defaults that choose a queue", { tasks: [], queues: { a: { defaults: { queue: "b" } } } }, '"queue"'],
    ["no pools", { tasks: [], pools: {} }, "names no pool"],
    ["a pool without a kind", { tasks: [], pools: { io: {} } }, "needs a kind"],
    ["a pool of size 0", { tasks: [], pools: { io: { kind: "event", size: 0 } } }, "at least 1"],
    ["a bad buffer", { tasks: [], pools: { io: { kind: "event", buffer: -1 } } }, "buffer"],
    ["a bad recycle", { tasks: [], pools: { io: { kind: "event", recycle: { runs: 1 } } } }, '"runs"'],
    ["a route to a bad queue", { tasks: [], routes: { "a.*": "no queue" } }, "not a queue name"],
    ["an unknown option of a route", { tasks: [], routes: { "a.*": { pool: "io" } } }, '"pool"'],
    ["bad defaults", { tasks: [], defaults: { retry: 0 } }, "at least 1"],
    ["aliases as a default", { tasks: [], defaults: { aliases: [] } }, '"aliases"'],
    ["middleware that is no function", { tasks: [], middleware: [1] }, "middleware"],
    ["a hook that is no function", { tasks: [], onExecutorStart: 1 }, "onExecutorStart"],
    ["a URL as the broker", { tasks: [], broker: "redis://" }, "connect(url)"],
  ])("refuses %s at once", (_, options, words) => {
    expect(() => createApp(options as AppOptions)).toThrow(refusal(words));
  });

  it("refuses a task whose pool is not the one that serves its queue, by its own options or by a route", () => {
    const split = task("a", noop, { queue: "io", pool: "cpu" });
    expect(() => createApp({ tasks: [split] })).toThrow(refusal('asks for pool "cpu"'));
    const computing = task("a", noop, { pool: "cpu" });
    expect(() => createApp({ tasks: [computing], routes: { a: "io" } })).toThrow(refusal("a route sends it to"));
    expect(
      createApp({ tasks: [computing], queues: { bulk: { pool: "cpu" } }, routes: { a: "bulk" } }).resolve("a").queue,
    ).toBe("bulk");
  });

  it("refuses a soft limit longer than the hard one, even when two levels set them", () => {
    const slow = task("a", noop, { limits: { soft: "2m" } });
    expect(() => createApp({ tasks: [slow], defaults: { limits: { hard: "1m" } } })).toThrow(refusal("soft limit"));
  });
});

describe("task", () => {
  it.each<[string, TaskOptions | object, string]>([
    ["an unknown option", { retries: 5 }, 'no option "retries"; it has: retry'],
    ["no attempts", { retry: { attempts: 0 } }, "retry.attempts"],
    ["attempts that are no number", { retry: { attempts: "5" } }, "retry.attempts"],
    ["a shrinking factor", { retry: { attempts: 2, factor: 0.5 } }, "factor"],
    ["a bad jitter", { retry: { attempts: 2, jitter: "half" } }, "jitter"],
    ["a delay that is no duration", { retry: { attempts: 2, delay: "soon" } }, "retry.delay"],
    ["a retry.on that is no function", { retry: { attempts: 2, on: TypeError.prototype } }, "retry.on"],
    ["a limit of 0", { limits: { hard: 0 } }, "limits.hard"],
    ["an unknown limit", { limits: { medium: 1 } }, '"medium"'],
    ["a priority of 10", { priority: 10 }, "from 0 to 9"],
    ["a bad queue", { queue: "a/b" }, "not a queue name"],
    ["a result that is true", { result: true }, "result"],
    ["aliases that are no list", { aliases: "old" }, "aliases"],
    ["a schema of another kind", { schema: { args: { parse: noop } } }, "Standard Schema"],
  ])("refuses %s at once", (_, options, words) => {
    expect(() => task("a", noop, options as never)).toThrow(refusal(words));
  });

  it.each(["", "a b", "a*", "ü", "x".repeat(201)])("refuses the name %j", (name) => {
    expect(() => task(name, noop)).toThrow(refusal("not a task name"));
  });

  it("is called like its function, this, name, length and properties included", async () => {
    const fn = Object.assign(
      function add(this: { base: number } | undefined, a: number, b: number): number {
        return (this?.base ?? 0) + a + b;
      },
      { note: "kept" },
    );
    const add = task("math.add", fn);
    expect(add.call({ base: 10 }, 1, 2)).toBe(13);
    expect([add.name, add.length, add.note]).toEqual(["add", 2, "kept"]);
    expect(fn).not.toHaveProperty("enqueue");
    const again = task("math.add2", fn);
    expect(again.definition.name).toBe("math.add2");
    expect(add.definition.name).toBe("math.add");
  });
});
