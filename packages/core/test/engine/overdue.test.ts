import { describe, expect, it } from "vitest";
import { overdueWarnings } from "../../src/engine/overdue.ts";
import { createApp, task } from "../../src/index.ts";
import { memoryBroker } from "../../src/memory/index.ts";
import { harness } from "./harness.ts";
import { limited } from "./wrapped-broker.ts";

const none = (): void => {};
const app = createApp({
  tasks: [
    task("plain", none),
    task("quick", none, { limits: { hard: "1m" } }),
    task("slow", none, { limits: { hard: "90m" } }),
    task("slower", none, { limits: { hard: "90m" } }),
    task("elsewhere", none, { queue: "elsewhere", limits: { hard: "2d" } }),
  ],
});
const warnings = (maxUnsettledMs: number | undefined): readonly string[] =>
  overdueWarnings(app, new Set(["io"]), { maxUnsettledMs });

describe("what is said at start of tasks that may hold their message for too long", () => {
  it("is nothing where the broker lets them, or lets them long enough", () => {
    expect(warnings(undefined)).toEqual([]);
    expect(warnings(86_400_000)).toEqual([]);
  });

  it("is one text per limit, which names the tasks, their limit and the broker's, for the queues served", () => {
    expect(warnings(1_800_000)).toEqual([
      expect.stringMatching(/^task plain may run for 1h by default, .* after 30m: .* limits\.hard below 30m/),
      expect.stringMatching(/^tasks slow, slower may run for 90m, /),
    ]);
  });

  it("names a limit that is just as long as the broker's: ending it takes a moment", () => {
    expect(warnings(5_400_000)).toHaveLength(1);
  });

  it("is an event of the worker, with a code", async () => {
    const { worker, next } = await harness({ broker: limited(memoryBroker(), { maxUnsettledMs: 60_000 }) });
    expect(await next("warning")).toMatchObject({
      code: "overdue-limit",
      message: expect.stringContaining("tasks t, other"),
    });
    await worker.stop();
  });

  it("does not list a hundred names", () => {
    const many = createApp({ tasks: Array.from({ length: 100 }, (_, index) => task(`t${index}`, none)) });
    expect(overdueWarnings(many, new Set(["io"]), { maxUnsettledMs: 1_000 })).toEqual([
      expect.stringMatching(/^tasks t0, t1, t2, t3, t4 and 95 more may run/),
    ]);
  });
});
