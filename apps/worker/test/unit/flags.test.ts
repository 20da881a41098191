import { describe, expect, it } from "vitest";
import { parseByteSize } from "../../src/flags/byte-size.ts";
import { parseDuration } from "../../src/flags/duration.ts";
import { parseHttpAddress } from "../../src/flags/http-address.ts";
import { parseJsonArgs } from "../../src/flags/json-args.ts";
import { parsePoolFlag, parseSinglePool } from "../../src/flags/pool-flags.ts";
import { parseQueueFlags } from "../../src/flags/queue-flags.ts";
import { parseRecycle } from "../../src/flags/recycle.ts";
import { checkId } from "../../src/flags/task-id.ts";
import { parseWholeNumber } from "../../src/flags/whole-number.ts";

/** The message of the ConfigurationError that `run` must throw. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ code: "CONFIGURATION" });
    return (error as Error).message;
  }
  throw new Error("it was accepted");
}

describe("durations", () => {
  it.each([
    ["0", 0],
    ["250ms", 250],
    ["20s", 20_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
    [" 5 m ", 300_000],
  ])("reads %j as %i ms", (text, ms) => {
    expect(parseDuration(text, "--grace")).toBe(ms);
  });

  it("refuses a number without a unit and offers the likely ones", () => {
    expect(refusal(() => parseDuration("25", "--grace"))).toBe('--grace: "25" has no unit; write 25s, 25ms or 25m');
  });

  it.each(["", "soon", "-5s", "5 minutes", "1e3s", "Infinitys"])("refuses %j and shows what is legal", (text) => {
    expect(refusal(() => parseDuration(text, "--delay"))).toMatch(/^--delay: ".*" is not a duration; write 500ms, 20s/);
  });
});

describe("sizes in bytes", () => {
  it.each([
    ["512mb", 536_870_912],
    ["1.5GB", 1_610_612_736],
    ["64kb", 65_536],
    ["100b", 100],
  ])("reads %j", (text, bytes) => {
    expect(parseByteSize(text, "--recycle memory")).toBe(bytes);
  });

  it.each(["512", "lots", "-1mb", "512mib"])("refuses %j", (text) => {
    expect(refusal(() => parseByteSize(text, "--recycle memory"))).toContain("is not a size in bytes; write 256mb");
  });
});

describe("whole numbers", () => {
  it.each(["1.5", "-1", "0x10", "", "many", "11"])("refuses %j where 0 to 10 is meant", (text) => {
    expect(refusal(() => parseWholeNumber(text, "--priority", { min: 0, max: 10 }))).toContain("from 0 to 10");
  });
});

describe("--pool", () => {
  it("reads name, kind and size", () => {
    expect(parsePoolFlag("cpu=process:4")).toEqual({ name: "cpu", kind: "process", size: 4 });
    expect(parsePoolFlag("io=event")).toEqual({ name: "io", kind: "event" });
  });

  it.each([
    ["prefork", "process"],
    ["threads", "thread"],
    ["gevent", "event"],
    ["eventlet", "event"],
    ["Thread", "thread"],
  ])("takes Celery's %s for %s", (theirs, ours) => {
    expect(parsePoolFlag(`p=${theirs}:2`).kind).toBe(ours);
  });

  it.each(["cpu", "=process:4", "cpu=:4", "c pu=process", "process:4"])("refuses %j with an example", (text) => {
    expect(refusal(() => parsePoolFlag(text))).toMatch(/--pool/);
  });

  it.each(["0", "-3", "four", "1.5"])("refuses the size %j", (size) => {
    expect(refusal(() => parsePoolFlag(`cpu=process:${size}`))).toContain("is not a whole number from 1");
  });

  it("refuses a solo pool of two, and names pools that can", () => {
    expect(refusal(() => parsePoolFlag("one=solo:2"))).toMatch(/one task at a time.*not 2.*event.*process/);
    expect(refusal(() => parseSinglePool("solo", "2"))).toContain("-c: a solo pool runs one task at a time");
  });
});

describe("-P and -c", () => {
  it("make one pool", () => {
    expect(parseSinglePool("prefork", "8")).toEqual({ name: "main", kind: "process", size: 8 });
    expect(parseSinglePool("solo", undefined)).toEqual({ name: "main", kind: "solo" });
    expect(parseSinglePool(undefined, undefined)).toBeUndefined();
  });

  it("refuses -c alone, since it does not say of which pool", () => {
    expect(refusal(() => parseSinglePool(undefined, "8"))).toMatch(/^-c 8: say of which pool/);
  });
});

describe("-Q", () => {
  it("reads pool, queues and weights, and adds up", () => {
    expect(parseQueueFlags(["io:emails,webhooks=3", "reports"])).toEqual([
      { name: "emails", pool: "io" },
      { name: "webhooks", pool: "io", weight: 3 },
      { name: "reports" },
    ]);
  });

  it("refuses a queue named twice, an empty name, a bad weight, a missing pool", () => {
    expect(refusal(() => parseQueueFlags(["io:a,b", "cpu:a"]))).toContain('queue "a" is named twice');
    expect(refusal(() => parseQueueFlags(["io:a,,b"]))).toContain("is not a queue name");
    expect(refusal(() => parseQueueFlags(["io:a=0"]))).toContain("from 1");
    expect(refusal(() => parseQueueFlags([":a"]))).toContain("name is missing before the colon");
  });
});

describe("--recycle", () => {
  it("reads any of the four limits", () => {
    expect(parseRecycle("tasks=1000,memory=512mb,age=1h,idle=60s")).toEqual({
      tasks: 1_000,
      memory: 536_870_912,
      age: 3_600_000,
      idle: 60_000,
    });
    expect(parseRecycle("idle=90s")).toEqual({ idle: 90_000 });
  });

  it.each(["tasks", "tasks=0", "memory=512", "age=1", "size=3", ""])("refuses %j", (text) => {
    expect(refusal(() => parseRecycle(text))).toMatch(/^--recycle/);
  });
});

describe("--http", () => {
  it.each([
    [":9464", { port: 9_464 }],
    ["9464", { port: 9_464 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:80", { host: "::1", port: 80 }],
  ])("reads %j", (text, address) => {
    expect(parseHttpAddress(text)).toEqual(address);
  });

  it.each(["", ":", "localhost", ":70000", "a:b", "::1:80"])("refuses %j", (text) => {
    expect(refusal(() => parseHttpAddress(text))).toContain("write :9464");
  });
});

describe("arguments as JSON", () => {
  it("reads an array", () => {
    expect(parseJsonArgs('["a.png", 32]')).toEqual(["a.png", 32]);
  });

  it("points at the place where JSON stops", () => {
    const lines = refusal(() => parseJsonArgs('["a.png", 32 "b"]')).split("\n");
    expect(lines[0]).toContain("at position 13");
    expect(lines[2]?.indexOf("^")).toBe((lines[1] ?? "").indexOf('"b"'));
  });

  it("points at the end when it is cut off", () => {
    expect(refusal(() => parseJsonArgs("[1, 2"))).toContain("at position 5");
  });

  it("points at an unquoted word", () => {
    expect(refusal(() => parseJsonArgs("[a.png]"))).toContain("at position 1");
  });

  it.each([
    ['{"a": 1}', "an object"],
    ["3", "a number"],
    ["null", "null"],
    ['"a"', "a string"],
  ])("refuses %s, which is not an array, and shows it as one", (text, what) => {
    const message = refusal(() => parseJsonArgs(text));
    expect(message).toContain(`are ${what}, not an array`);
    expect(message).toContain(`'[${text}]'`);
  });
});

describe("ids", () => {
  it("refuses what is no UUID, so that a truncated paste is not a task that is gone", () => {
    expect(refusal(() => checkId("0198c5a2"))).toContain("is not a task id");
    expect(checkId("0198C5A2-7f3e-7cc1-9d3a-5f0c2b7e8a11")).toBe("0198c5a2-7f3e-7cc1-9d3a-5f0c2b7e8a11");
  });
});
