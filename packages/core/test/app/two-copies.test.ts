import { describe, expect, it, vi } from "vitest";
import * as first from "../../src/index.ts";
import { memoryBroker } from "../../src/memory/index.ts";

vi.resetModules();
const second = await import("../../src/index.ts");

describe("two copies of this package in one process", () => {
  it("are two copies", () => {
    expect(second.createApp).not.toBe(first.createApp);
    expect(second.LovageError).not.toBe(first.LovageError);
  });

  it("share tasks and apps", async () => {
    const double = first.task("double", (n: number) => n * 2, { queue: "cpu" });
    await using app = second.createApp({ tasks: [double], broker: memoryBroker() });
    const run = await double.enqueue(4);
    expect(run.id).toMatch(/-7/);
    expect(app.resolve("double").queue).toBe("cpu");
  });

  it("share the running task, its directives and the reasons of its abort", async () => {
    const name = first.task("name", () => second.currentTask().task);
    const again = first.task("again", () => {
      throw second.retry({ in: 5 });
    });
    const app = second.createApp({ tasks: [name, again] });
    const control = new AbortController();
    const run = (task: string) =>
      first.runTask(
        app,
        { id: "i", task, queue: "q", headers: { task }, body: "[[]]", attempt: 1, deliveries: 1, retriesLeft: 1 },
        control,
        { onLog: () => {}, onProgress: () => {} },
      );
    expect(await run("name")).toMatchObject({ value: '"name"' });
    expect(await run("again")).toMatchObject({ directive: { type: "retry", delayMs: 5 } });
    control.abort(new second.SoftLimitError(1));
    expect(await run("again")).toMatchObject({ type: "aborted", reason: "soft-limit" });
  });

  it("load each other's apps", async () => {
    const url = new URL("../fixtures/default-app.ts", import.meta.url).href;
    const source = await first.loadApp(url);
    expect(source.definition.tasks.names()).toEqual(["ping"]);
  });
});
