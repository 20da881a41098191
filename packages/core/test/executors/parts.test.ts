import { describe, expect, it } from "vitest";
import type { RunRequest } from "../../src/contracts/index.ts";
import { LovageError, PublishRefusedError } from "../../src/contracts/index.ts";
import { type ExecutorEnding, outcomeOf } from "../../src/executors/ending.ts";
import { evenly, slotsOf } from "../../src/executors/layout.ts";
import { OutputLines } from "../../src/executors/output-lines.ts";
import { isDue, recycleRule } from "../../src/executors/recycling.ts";
import { Run } from "../../src/executors/run.ts";
import { packDown, packUp, unpackDown, unpackUp } from "../../src/executors/runtimes/json-wire.ts";
import { StartBackoff } from "../../src/executors/start-backoff.ts";
import { Coalescer } from "../../src/executors/tick.ts";
import { fromWire, outcomesFromWire, outcomesToWire, toWire } from "../../src/executors/wire-error.ts";

const request: RunRequest = {
  id: "1",
  task: "t",
  queue: "q",
  headers: { task: "t" },
  body: "[]",
  attempt: 1,
  deliveries: 1,
  retriesLeft: 0,
};

function aRun(killed = false): Run {
  const run = new Run(1, request, { abort: () => {}, kill: () => {} });
  if (killed) run.killReason = "hard-limit";
  return run;
}

describe("the end of an executor, for those aboard", () => {
  const ended = (reason: ExecutorEnding["reason"], nobodysError = false): ExecutorEnding => ({
    reason,
    lastOutput: ["bye"],
    nobodysError,
  });

  it.each([
    ["crashed", false, true, 1, false, { type: "crashed", alone: true }],
    ["crashed", false, true, 2, false, { type: "crashed", alone: false }],
    ["crashed", false, true, 1, true, { type: "crashed", alone: false }],
    ["crashed", false, false, 1, false, { type: "abandoned" }],
    ["crashed", true, true, 1, false, { type: "crashed", alone: true }],
    ["killed", true, true, 1, false, { type: "killed", reason: "hard-limit" }],
    ["killed", true, false, 1, false, { type: "abandoned" }],
    ["killed", false, true, 2, false, { type: "abandoned" }],
    ["closed", false, true, 1, false, { type: "abandoned", reason: "the pool was closed" }],
  ] as const)(
    "%s, asked to be killed: %s, begun: %s, aboard: %i, nobody's: %s",
    (reason, killed, begun, aboard, nobodys, expected) => {
      expect(outcomeOf(aRun(killed), begun, aboard, ended(reason, nobodys))).toMatchObject(expected);
    },
  );

  it("shows when a run began only if it did", () => {
    expect(outcomeOf(aRun(), true, 1, ended("crashed")).startedAt).toBeTypeOf("number");
    expect(outcomeOf(aRun(), false, 1, ended("crashed")).startedAt).toBeUndefined();
  });
});

describe("output lines", () => {
  it("joins pieces, keeps the last twenty of both streams, and ends what has no newline", () => {
    const lines: string[] = [];
    const output = new OutputLines((stream, line) => lines.push(`${stream} ${line}`));
    output.add("stdout", "a");
    output.add("stderr", "warn\r\n");
    output.add("stdout", "b\nc");
    output.end();
    expect(lines).toEqual(["stderr warn", "stdout ab", "stdout c"]);
    for (let line = 0; line < 30; line++) output.add("stdout", `${line}\n`);
    expect(output.last).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 10)));
  });

  it("cuts a line that never ends", () => {
    const lines: string[] = [];
    const output = new OutputLines((_stream, line) => lines.push(line));
    output.add("stdout", "x".repeat(20_000));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toHaveLength(16_385);
  });
});

describe("recycling", () => {
  const service = { finished: 0, memoryBytes: undefined, ageMs: 0, jitter: 0 };

  it("is never due without a bound", () => {
    expect(isDue(recycleRule(), { ...service, finished: 1e9, memoryBytes: 1e12, ageMs: 1e12 })).toBe(false);
  });

  it("is due at the bound, not before", () => {
    expect(isDue(recycleRule({ tasks: 10 }), { ...service, finished: 9 })).toBe(false);
    expect(isDue(recycleRule({ tasks: 10 }), { ...service, finished: 10 })).toBe(true);
    expect(isDue(recycleRule({ memory: 100 }), { ...service, memoryBytes: 100 })).toBe(true);
    expect(isDue(recycleRule({ age: "1m" }), { ...service, ageMs: 60_000 })).toBe(true);
  });

  it("spreads ages by a tenth, so that a fleet does not retire at once", () => {
    expect(isDue(recycleRule({ age: 1_000 }), { ...service, ageMs: 1_050, jitter: 1 })).toBe(false);
    expect(isDue(recycleRule({ age: 1_000 }), { ...service, ageMs: 1_100, jitter: 1 })).toBe(true);
  });
});

describe("starting again", () => {
  it("replaces the first crash at once, then waits twice as long each time, to half a minute", () => {
    const backoff = new StartBackoff(() => 1);
    const waits = Array.from({ length: 10 }, () => backoff.crashed(50, 0));
    expect(waits).toEqual([0, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
  });

  it("forgets the series when an executor has finished a task or lived for ten seconds", () => {
    const backoff = new StartBackoff(() => 1);
    for (let crash = 0; crash < 5; crash++) backoff.crashed(50, 0);
    expect(backoff.crashed(50, 1)).toBe(0);
    for (let crash = 0; crash < 5; crash++) backoff.crashed(50, 0);
    expect(backoff.crashed(10_000, 0)).toBe(0);
  });

  it("never starts at once what could not start", () => {
    expect(new StartBackoff(() => 0).startFailed()).toBe(100);
  });
});

describe("slots", () => {
  it("are spread evenly, and no executor is without one", () => {
    expect(evenly(100, 3)).toEqual([34, 33, 33]);
    expect(evenly(2, 4)).toEqual([1, 1]);
  });

  it("are whole and positive", () => {
    for (const size of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => slotsOf(size, "event")).toThrow(expect.objectContaining({ code: "CONFIGURATION" }));
  });
});

describe("the JSON wire", () => {
  const over = <T>(message: T): T => JSON.parse(JSON.stringify(message)) as T;
  const bytes = Uint8Array.of(0, 255, 195, 40);

  it("carries bytes where a body or a value is, and text as it is", () => {
    const runs = [1, "id", "t", "q", "{}", bytes, 1, 1, 0, 0, 2, "id", "t", "q", "{}", "text", 1, 1, 0, 0];
    const back = unpackDown(over(packDown([...runs])) as typeof runs) as typeof runs;
    expect(new Uint8Array(back[5] as Uint8Array)).toEqual(bytes);
    expect(back[15]).toBe("text");
    const done = [1, 1.5, 0.5, bytes, 2, 1.5, 0.5, null];
    const answered = unpackUp(over(packUp([...done])) as typeof done) as typeof done;
    expect(new Uint8Array(answered[3] as Uint8Array)).toEqual(bytes);
    expect(answered[7]).toBeNull();
  });

  it("carries bytes anywhere in requests and replies", () => {
    const request = { call: 1, method: "publish" as const, args: [[{ id: "1", body: bytes, headers: { n: 1 } }]] };
    const up = unpackUp(over(packUp({ requests: [request] })) as object);
    expect(up).toEqual({
      requests: [{ ...request, args: [[{ id: "1", body: Buffer.from(bytes), headers: { n: 1 } }]] }],
    });
    const reply = { call: 1, ok: true as const, value: [{ id: "1", value: bytes }] };
    const down = unpackDown(over(packDown({ replies: [reply] })) as object);
    expect(down).toEqual({ replies: [{ ...reply, value: [{ id: "1", value: Buffer.from(bytes) }] }] });
  });
});

describe("errors across the boundary", () => {
  it("keep their code, retryability and subject", () => {
    const error = new LovageError("X", "no", { retryable: true, subject: { queue: "q" }, cause: new Error("why") });
    const back = fromWire(JSON.parse(JSON.stringify(toWire(error))));
    expect(back).toMatchObject({ code: "X", message: "no", retryable: true, subject: { queue: "q" } });
    expect(back.cause).toMatchObject({ message: "why" });
    const foreign = fromWire(toWire(Object.assign(new TypeError("odd"), { code: "E_ODD" })));
    expect(foreign).toMatchObject({ name: "TypeError", message: "odd", code: "E_ODD" });
  });

  it("travel inside the outcomes of publishing", () => {
    const outcomes = [
      { id: "1", status: "accepted" as const },
      { id: "2", status: "refused" as const, error: new PublishRefusedError("no") },
    ];
    const back = outcomesFromWire(JSON.parse(JSON.stringify(outcomesToWire(outcomes))));
    expect(back[0]).toEqual(outcomes[0]);
    expect(back[1]).toMatchObject({ status: "refused", error: { code: "PUBLISH_REFUSED" } });
  });
});

describe("coalescing", () => {
  it("flushes the first of an iteration at the end of its tick, microtasks included", async () => {
    const flushes: number[] = [];
    let held = 0;
    const coalescer = new Coalescer(() => {
      flushes.push(held);
      held = 0;
    });
    const add = (): void => {
      held++;
      coalescer.request();
    };
    add();
    add();
    await Promise.resolve().then(add);
    await new Promise((resolve) => process.nextTick(resolve));
    await new Promise((resolve) => process.nextTick(resolve));
    expect(flushes).toEqual([3]);
  });

  it("gathers what follows in the same iteration into one more flush", async () => {
    let flushes = 0;
    const coalescer = new Coalescer(() => {
      flushes++;
    });
    await new Promise<void>((resolve) => {
      let fired = 0;
      for (let timer = 0; timer < 100; timer++)
        setTimeout(() => {
          coalescer.request();
          if (++fired === 100) setImmediate(() => setImmediate(resolve));
        }, 1);
    });
    expect(flushes).toBeLessThan(10);
  });
});
