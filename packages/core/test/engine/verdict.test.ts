import { describe, expect, it } from "vitest";
import type { ErrorData, Outcome, ResolvedTask } from "../../src/contracts/index.ts";
import { decide, EXPLICIT_RETRY_ATTEMPTS, type Facts } from "../../src/engine/verdict.ts";

const policy: ResolvedTask = {
  name: "t",
  queue: "io",
  pool: "io",
  attempts: 3,
  retryDelayMs: 1_000,
  retryFactor: 2,
  retryMaxDelayMs: 10_000,
  retryJitter: "none",
  softMs: 100,
  hardMs: 200,
  hardExplicit: true,
  priority: 5,
  expiresMs: undefined,
  resultTtlMs: undefined,
  source: { attempts: "task" },
};
const facts: Facts = { policy, attempt: 1, starts: 0, maxStarts: 3, random: 0.5, cancelled: false };
const error: ErrorData = { name: "Error", message: "boom" };
const crash = (alone: boolean): Outcome => ({ type: "crashed", alone, exitCode: 7, lastOutput: ["a", "b"] });

describe("the verdict on an outcome", () => {
  const table: [string, Outcome, Partial<Facts>, Record<string, unknown>][] = [
    ["a value succeeds", { type: "returned", value: "1" }, {}, { type: "succeed", value: "1" }],
    [
      "a value succeeds even when a cancel came too late",
      { type: "returned" },
      { cancelled: true },
      { type: "succeed" },
    ],
    ["a throw is retried", { type: "threw", error }, {}, { type: "retry", delayMs: 1_000 }],
    ["a later throw waits longer", { type: "threw", error }, { attempt: 2 }, { type: "retry", delayMs: 2_000 }],
    ["the last attempt fails", { type: "threw", error }, { attempt: 3 }, { type: "fail", reason: { code: "failed" } }],
    [
      "a rejection fails at once",
      { type: "threw", error, directive: { type: "reject", reason: "no such user" } },
      {},
      { type: "fail", reason: { code: "rejected", details: "no such user" } },
    ],
    [
      "retry.on said no",
      { type: "threw", error, directive: { type: "fail" } },
      {},
      { type: "fail", reason: { code: "failed" } },
    ],
    [
      "undecodable bytes never get better",
      { type: "threw", error, directive: { type: "fail", code: "undecodable" } },
      {},
      { type: "fail", reason: { code: "undecodable" } },
    ],
    [
      "an asked delay wins over backoff",
      { type: "threw", error, directive: { type: "retry", delayMs: 5 } },
      {},
      { type: "retry", delayMs: 5 },
    ],
    [
      "an asked retry still ends with the attempts",
      { type: "threw", error, directive: { type: "retry" } },
      { attempt: 3 },
      { type: "fail" },
    ],
    ["a soft limit is a failure", { type: "aborted", reason: "soft-limit", error }, {}, { type: "retry" }],
    ["an abort at shutdown is nobody's fault", { type: "aborted", reason: "shutdown", error }, {}, { type: "release" }],
    ["an abort after a lost lease gives back", { type: "aborted", reason: "lost", error }, {}, { type: "release" }],
    ["an abort on cancel cancels", { type: "aborted", reason: "cancelled", error }, {}, { type: "cancel" }],
    ["a hard limit is a failure", { type: "killed", reason: "hard-limit" }, { attempt: 3 }, { type: "fail" }],
    ["a kill at shutdown gives back", { type: "killed", reason: "shutdown" }, {}, { type: "release" }],
    [
      "a cancelled task is not retried when it throws",
      { type: "threw", error },
      { cancelled: true },
      { type: "cancel" },
    ],
    ["a cancelled task is not restarted when it crashes", crash(true), { cancelled: true }, { type: "cancel" }],
    ["a crash is begun again with one more start", crash(true), {}, { type: "restart", starts: 1 }],
    ["a crash does not cost an attempt", crash(true), { attempt: 3 }, { type: "restart", starts: 1 }],
    ["the last start is poison", crash(true), { starts: 2 }, { type: "fail", reason: { code: "poison" } }],
    ["a neighbour's starts stop where it is run alone", crash(false), { starts: 2 }, { type: "restart", starts: 2 }],
    ["a neighbour is not poison even with one start allowed", crash(false), { maxStarts: 1 }, { type: "restart" }],
    ["an abandoned run is given back", { type: "abandoned", reason: "neighbour" }, {}, { type: "release" }],
  ];
  it.each(table)("%s", (_name, outcome, some, expected) => {
    expect(decide(outcome, { ...facts, ...some })).toMatchObject(expected);
  });

  it("grants an explicit retry to a task that sets no number of attempts", () => {
    const unset = { ...policy, attempts: 1, source: { attempts: "default" as const } };
    const asks: Outcome = { type: "threw", error, directive: { type: "retry" } };
    expect(decide(asks, { ...facts, policy: unset })).toMatchObject({ type: "retry" });
    expect(decide(asks, { ...facts, policy: unset, attempt: EXPLICIT_RETRY_ATTEMPTS })).toMatchObject({ type: "fail" });
  });

  it("tells what is known of a crash", () => {
    const verdict = decide({ ...crash(true), memoryBytes: 3 * 1_048_576 } as Outcome, { ...facts, starts: 2 });
    expect(verdict).toMatchObject({ error: { message: expect.stringMatching(/exit code 7, 3 MiB.*a \| b/) } });
  });
});
