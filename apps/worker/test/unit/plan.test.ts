import { type AppDefinition, createApp, task } from "@lovage/core";
import { describe, expect, it } from "vitest";
import { withLimits } from "../../src/worker/limits.ts";
import { type PlanRequest, planWorker } from "../../src/worker/plan.ts";

const fetchPage = () => task("pages.fetch", (_url: string) => "");
const resize = () => task("images.resize", (_path: string) => "", { queue: "cpu", pool: "cpu" });

function app(): AppDefinition {
  return createApp({ tasks: [fetchPage(), resize()] });
}

function planned(request: PlanRequest, definition: AppDefinition = app()) {
  const { pools, queues } = planWorker(definition, request);
  return { pools, queues: Object.fromEntries(queues.map((queue) => [queue.name, queue.pool])) };
}

describe("which pools serve which queues", () => {
  it("is by default the app's own: waiting work in loops, computing work in processes", () => {
    expect(planned({})).toEqual({
      pools: { io: { kind: "event" }, cpu: { kind: "process" } },
      queues: { io: "io", cpu: "cpu" },
    });
  });

  it("takes kind and size from --pool, and the rest from the app where the kind is the same", () => {
    const own = createApp({ tasks: [fetchPage()], pools: { io: { kind: "event", size: 10, loops: 2 } } });
    expect(planned({ pools: [{ name: "io", kind: "event", size: 500 }] }, own).pools).toEqual({
      io: { kind: "event", size: 500, loops: 2 },
    });
    expect(planned({ pools: [{ name: "io", kind: "thread" }] }, own).pools).toEqual({ io: { kind: "thread" } });
  });

  it("is one pool for everything with -P, even for tasks that ask for another", () => {
    expect(planned({ single: { name: "main", kind: "thread", size: 8 } })).toEqual({
      pools: { main: { kind: "thread", size: 8 } },
      queues: { io: "main", cpu: "main" },
    });
  });

  it("is only what -Q names, where it says, and pools that serve nothing are not started", () => {
    expect(planned({ queues: [{ name: "cpu" }] })).toEqual({
      pools: { cpu: { kind: "process" } },
      queues: { cpu: "cpu" },
    });
    expect(planned({ queues: [{ name: "extra", pool: "io" }] }).queues).toEqual({ extra: "io" });
  });

  it("gives a queue the pool of its name when the command line makes one", () => {
    const mail = createApp({ tasks: [task("mail.send", () => 0, { queue: "mail" })] });
    const { queues } = planned({ pools: [{ name: "mail", kind: "event", size: 5 }] }, mail);
    expect(queues).toMatchObject({ mail: "mail", io: "io" });
  });

  it("keeps the weights and the settings of queues", () => {
    const own = createApp({ tasks: [fetchPage()], queues: { io: { lease: "30s", maxDead: 5, weight: 2 } } });
    expect(planWorker(own, {}).queues).toMatchObject([
      { name: "io", weight: 2, declaration: { leaseMs: 30_000, maxDead: 5 } },
    ]);
    expect(planWorker(own, { queues: [{ name: "io", weight: 7 }] }).queues).toMatchObject([{ weight: 7 }]);
  });

  it("is one inline loop with --inline, unless pools were named", () => {
    expect(planned({ inline: true }).pools).toEqual({ main: { kind: "event", inline: true } });
  });
});

describe("what cannot work", () => {
  it("is a -Q to a pool that does not exist", () => {
    expect(() => planned({ queues: [{ name: "mail", pool: "fast" }] })).toThrow(
      /-Q fast:mail goes to pool "fast", which does not exist; pools are io, cpu; add --pool fast=/,
    );
  });

  it("is a task that asks for a pool, served by another", () => {
    expect(() => planned({ queues: [{ name: "cpu", pool: "io" }] })).toThrow(
      /"images.resize" must run in pool "cpu", but its queue "cpu" is served by pool "io"/,
    );
  });

  it("is a pool that serves nothing, twice the same pool, or both kinds of flag", () => {
    const fast = { name: "fast", kind: "event" };
    expect(() => planned({ pools: [fast] })).toThrow(/--pool fast: no queue is served by it/);
    expect(() => planned({ pools: [fast, fast] })).toThrow(/"fast" is given twice/);
    expect(() => planned({ pools: [fast], single: { name: "main", kind: "event" } })).toThrow(/use one or the other/);
  });

  it("is an inline pool of processes", () => {
    expect(() =>
      planned({
        inline: true,
        pools: [
          { name: "cpu", kind: "process" },
          { name: "io", kind: "event" },
        ],
      }),
    ).toThrow(/--inline .* pool "cpu" of kind process cannot/);
  });
});

describe("limits of the worker", () => {
  it("replace defaults and the app's, not what is more precise", () => {
    const own = createApp({
      tasks: [fetchPage(), task("slow", () => 0, { limits: { soft: "1m", hard: "2m" } })],
      defaults: { limits: { hard: "30m" } },
    });
    const limited = withLimits(own, { softMs: 1_000, hardMs: 5_000 });
    expect(limited.resolve("pages.fetch")).toMatchObject({
      softMs: 1_000,
      hardMs: 5_000,
      hardExplicit: true,
      source: { hardMs: "worker" },
    });
    expect(limited.resolve("slow")).toMatchObject({ softMs: 60_000, hardMs: 120_000, source: { hardMs: "task" } });
    expect(limited.tasks.names()).toEqual(own.tasks.names());
  });
});
