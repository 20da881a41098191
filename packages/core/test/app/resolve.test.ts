import { describe, expect, it } from "vitest";
import { policyFor } from "../../src/app/policy.ts";
import { createApp, task } from "../../src/index.ts";

const noop = () => undefined;

describe("precedence", () => {
  it("is app < queue < task < route, option by option, and says who won", () => {
    const app = createApp({
      tasks: [task("shop.pay", noop, { queue: "pay", retry: { attempts: 3, delay: "2s" }, priority: 4 })],
      defaults: { retry: { attempts: 2, delay: "9s", factor: 3, jitter: "none" }, expires: "1h", priority: 1 },
      queues: { pay: { defaults: { retry: { attempts: 7, maxDelay: "5m" }, priority: 2, limits: { soft: "10s" } } } },
      routes: { "shop.*": { priority: 8, result: false }, "*": { priority: 0 } },
    });
    const resolved = app.resolve("shop.pay");
    expect(resolved).toMatchObject({
      queue: "pay",
      attempts: 3,
      retryDelayMs: 2_000,
      retryFactor: 3,
      retryMaxDelayMs: 300_000,
      retryJitter: "none",
      softMs: 10_000,
      hardMs: 3_600_000,
      hardExplicit: false,
      priority: 8,
      expiresMs: 3_600_000,
      resultTtlMs: undefined,
    });
    expect(resolved.source).toMatchObject({
      queue: "task",
      attempts: "task",
      retryDelayMs: "task",
      retryFactor: "app",
      retryMaxDelayMs: "queue",
      softMs: "queue",
      hardMs: "default",
      priority: "route",
      expiresMs: "app",
      resultTtlMs: "route",
    });
  });

  it("lets a route move a task, whose queue then gives the defaults", () => {
    const app = createApp({
      tasks: [task("a", noop, { queue: "one" })],
      queues: { one: { defaults: { priority: 1 } }, two: { defaults: { priority: 2 } } },
      routes: { a: "two" },
    });
    expect(app.resolve("a")).toMatchObject({
      queue: "two",
      priority: 2,
      source: { queue: "route", priority: "queue" },
    });
  });

  it("resolves unknown tasks from app, queue and routes", () => {
    const app = createApp({ tasks: [], routes: { "far.*": "cpu" }, defaults: { retry: 4 } });
    expect(app.resolve("far.away")).toMatchObject({ queue: "cpu", attempts: 4 });
    expect(app.resolve("else")).toMatchObject({ queue: "io", attempts: 4 });
  });

  it("moves the general hard limit out of the way of a longer soft one", () => {
    const app = createApp({ tasks: [task("a", noop, { limits: { soft: "3h" } })] });
    expect(app.resolve("a")).toMatchObject({ softMs: 10_800_000, hardMs: 21_600_000, hardExplicit: false });
  });
});

describe("policyFor", () => {
  const resolved = createApp({ tasks: [task("a", noop, { retry: 2 })] }).resolve("a");

  it("gives the task's own object when the headers change nothing", () => {
    expect(policyFor(resolved, { task: "a", attempt: 3, "shop.order": 1 })).toBe(resolved);
  });

  it("applies what with() wrote", () => {
    const headers = task("a", noop, { retry: 2 });
    const app = createApp({ tasks: [headers] });
    const message = headers
      .with({
        retry: { attempts: 9, delay: "1m", factor: 1, maxDelay: "2m", jitter: "none" },
        limits: { soft: "5s", hard: "10s" },
        result: { ttl: "1d" },
      })
      .message();
    expect(policyFor(app.resolve("a"), message.headers)).toMatchObject({
      attempts: 9,
      retryDelayMs: 60_000,
      retryFactor: 1,
      retryMaxDelayMs: 120_000,
      retryJitter: "none",
      softMs: 5_000,
      hardMs: 10_000,
      hardExplicit: true,
      resultTtlMs: 86_400_000,
      source: { attempts: "message", softMs: "message", priority: "default" },
    });
    expect(policyFor(app.resolve("a"), headers.with({ result: false }).message().headers).resultTtlMs).toBeUndefined();
  });

  it("moves the general hard limit out of the way of a message's longer soft one", () => {
    expect(policyFor(resolved, { task: "a", "limit.soft": 7_200_000 })).toMatchObject({
      softMs: 7_200_000,
      hardMs: 14_400_000,
      hardExplicit: false,
    });
  });

  it("ignores values of the wrong kind and brings others into range: headers come from anywhere", () => {
    const policy = policyFor(resolved, {
      task: "a",
      "retry.attempts": -5,
      "retry.delay": "soon",
      "retry.factor": Number.POSITIVE_INFINITY,
      "retry.jitter": "half",
      "limit.soft": 0,
      "limit.hard": Number.NaN,
    });
    expect(policy).toMatchObject({
      attempts: 1,
      retryDelayMs: 1_000,
      retryFactor: 1_000,
      retryJitter: "full",
      softMs: 1,
      hardMs: 3_600_000,
    });
  });
});
