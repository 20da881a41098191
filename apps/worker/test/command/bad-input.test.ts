import { mkdtempSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { APP, Workplace } from "../support/lovage.ts";

const CORE = path.resolve(import.meta.dirname, "../../../../packages/core/dist/index.js");
const UNKNOWN = "0198c5a2-7f3e-7cc1-9d3a-5f0c2b7e8a11";

let place: Workplace;

beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.close());

/** An app module in the workplace's folder. */
function app(source: string): string {
  const file = path.join(mkdtempSync(path.join(place.folder, "app-")), "app.mjs");
  writeFileSync(file, `import { createApp, task } from ${JSON.stringify(CORE)};\n${source}\n`);
  return file;
}

/** What a user sees: one message, the code, nothing on stdout. */
async function refused(...args: string[]): Promise<{ code: number | null; message: string }> {
  const { code, stdout, stderr } = await place.run(args);
  expect(stdout).toBe("");
  return { code, message: stderr };
}

describe("call", () => {
  it("of an unknown task lists those that there are", async () => {
    const { code, message } = await refused("call", APP, "math.ad", "[1]");
    expect(code).toBe(64);
    expect(message).toMatch(/task "math\.ad" is not registered by this app \(it registers: .*math\.add/);
  });

  it("with wrong JSON points at the place", async () => {
    const { code, message } = await refused("call", APP, "math.add", "[1, 2 3]");
    expect(code).toBe(64);
    expect(message).toContain("at position 6");
    expect(message).toMatch(/^ {2} {6}\^$/m);
  });

  it("with something other than an array shows it as one", async () => {
    expect(await refused("call", APP, "math.add", "1")).toEqual({
      code: 64,
      message: expect.stringContaining("'[1]'"),
    });
  });

  it.each([
    [["--delay", "5"], /--delay: "5" has no unit/],
    [["--priority", "10"], /--priority: "10" is not a whole number from 0 to 9/],
    [["--id", "mine"], /"mine" is not a task id/],
    [["--queue", "a b"], /queue/],
    [["--delay", "2h", "--expires", "1h"], /would expire .* before it is due/],
  ])("with %j says what is legal", async (flags, message) => {
    const answer = await refused("call", APP, "math.add", "[1, 2]", ...flags);
    expect(answer.code).toBe(64);
    expect(answer.message).toMatch(message);
  });
});

describe("the app's file", () => {
  it("that is missing is named", async () => {
    const { code, message } = await refused("worker", "missing.ts");
    expect(code).toBe(66);
    expect(message).toMatch(/there is no file .*missing\.ts/);
  });

  it("may be named without its ending", async () => {
    expect(
      await place.run(["worker", APP.replace(/\.ts$/, ""), "--drain", "-b", "memory:", "-P", "event"]),
    ).toMatchObject({ code: 0 });
  });

  it("that exports no app lists what it exports and says what to add", async () => {
    const { code, message } = await refused("worker", app("export const a = 1;"));
    expect(code).toBe(66);
    expect(message).toMatch(/exports no app \(it exports: a\); add: export default createApp/);
  });

  it("that throws on import is shown with error and line", async () => {
    const { code, message } = await refused("worker", app('throw new Error("no database");'));
    expect(code).toBe(66);
    expect(message).toMatch(/could not be imported: Error: no database/);
    expect(message).toMatch(/app\.mjs:2/);
  });

  it("with two tasks of one name names it", async () => {
    const { code, message } = await refused(
      "worker",
      app('export default createApp({ tasks: [task("a", () => 1), task("a", () => 2)] });'),
    );
    expect(code).toBe(66);
    expect(message).toContain('two tasks are named "a"');
  });

  it("with a queue that goes to a pool which does not exist names both", async () => {
    const { code, message } = await refused(
      "worker",
      app('export default createApp({ tasks: [], queues: { mail: { pool: "fast" } } });'),
    );
    expect(code).toBe(66);
    expect(message).toMatch(/queue "mail" is served by pool "fast", which does not exist/);
  });
});

describe("worker flags", () => {
  it.each([
    [["-P", "solo", "-c", "2"], /-c: a solo pool runs one task at a time, so its size is 1, not 2/],
    [["-c", "2"], /say of which pool/],
    [["-P", "fibers"], /no pool of kind "fibers"; built in are event, process, thread, solo/],
    [["-Q", "fast:mail"], /-Q fast:mail goes to pool "fast", which does not exist; pools are/],
    [["--pool", "cpu"], /--pool: "cpu" is not understood; write name=kind:size/],
    [["--grace", "25"], /--grace: "25" has no unit/],
    [["--recycle", "memory=512"], /--recycle memory: "512" is not a size/],
    [["--buffer", "-1"], /--buffer|unknown option/],
    [["--http", "localhost"], /--http: "localhost" is not an address/],
    [["--name", "a b"], /--name: "a b" is not a name/],
    [["--log", "xml"], /Allowed choices are json, pretty/],
    [["--inline", "--pool", "cpu=process:2", "--pool", "io=event:2"], /which pool "cpu" of kind process cannot/],
    [["--hard-limit", "10s", "--inline"], /hard limit.*cannot/],
    [["--brokr", "x"], /unknown option '--brokr'.*Did you mean --broker/s],
  ])("%j are refused before anything starts", async (flags, message) => {
    const answer = await refused("worker", APP, ...flags);
    expect(answer.message).toMatch(message);
    expect(answer.code).toBe(64);
  });
});

describe("the broker's URL", () => {
  it.each([
    ["lovage.db", /--broker: "lovage\.db" has no scheme \(did you mean sqlite:lovage\.db\?\); legal are/],
    ["redis://user:secret@host:port", /not a valid URL/],
    ["pigeon:./dir", /no adapter for "pigeon:"; legal are sqlite:/],
    ["nats://localhost?replica=3", /"replica" is no option of a NATS URL; legal are .*replicas/],
    ["sqlite://data/a.db", /write sqlite:\.\/data\/a\.db/],
  ])("%s is refused with what to write or install", async (url, message) => {
    const answer = await refused("ps", "-b", url);
    expect(answer.message).toMatch(message);
    expect(answer.message).not.toContain("secret");
    expect(answer.code).toBe(64);
  });

  it("of a file that cannot be opened ends with the code for an unreachable broker", async () => {
    const { code, message } = await refused("worker", APP, "-b", "sqlite:./no/such/folder/a.db");
    expect(code).toBe(69);
    expect(message).toContain("no/such/folder");
  });
});

describe("a task id", () => {
  it("that nobody knows is said to be unknown, with the possible reasons", async () => {
    const { code, message } = await refused("result", UNKNOWN);
    expect(code).toBe(1);
    expect(message).toMatch(/there is no result of 0198c5a2.*the id is wrong, the task has not finished/);
  });

  it("that is no UUID is a wrong argument", async () => {
    expect(await refused("result", "0198c5a2")).toMatchObject({ code: 64 });
    expect(await refused("cancel", "all")).toMatchObject({ code: 64 });
  });
});

describe("destructive commands without a terminal", () => {
  it.each([[["queue", "purge", "io"]], [["dead", "drop", "io", "--all"]], [["dead", "retry", "io", "--all"]]])(
    "%j need --yes",
    async (args) => {
      await place.run(["worker", APP, "--drain", "-P", "event"]);
      const answer = await refused(...args);
      expect(answer.code).toBe(64);
      expect(answer.message).toContain("add --yes");
    },
  );
});

it("an unknown command is met with the nearest one", async () => {
  const { code, message } = await refused("wroker", "app.ts");
  expect(code).toBe(64);
  expect(message).toMatch(/unknown command 'wroker'.*Did you mean worker/s);
});
