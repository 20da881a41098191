import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bench-test-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function bench(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, LOVAGE_BENCH_DIR: folder, LOVAGE_TEST_PYTHON: join(folder, "no-python") };
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args, "--runs", "1", "--no-save"], { env });
  return stdout;
}

// The slowest starts RabbitMQ twice.
describe.runIf(process.platform === "linux")("pnpm bench", { timeout: 180_000 }, () => {
  it("counts every task of a drain where it ran, and leaves nothing behind", async () => {
    const printed = await bench("drain", "--only", "event:50", "--tasks", "500");
    expect(printed).toMatch(/│ event:50 │\s+500 │\s+[\d,]+ │\s+[\d.]+ µs │/);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(["rabbitmq", "nats"])(
    "measures a drain of %s beside its client alone, and says whether goals are reached",
    async (broker) => {
      const printed = await bench("drain", "--broker", broker, "--only", "event:50", "--tasks", "1000", "--peers");
      const client = broker === "nats" ? "@nats-io, 100 held" : "amqplib, 500 held";
      expect(printed).toMatch(new RegExp(`│ ${client}\\s+│\\s+1,000 │\\s+[\\d,]+ │`));
      expect(printed).toMatch(
        /│ event:50 \s*│ ≥ \d+ % of the bare loop, or 60,000\/s │ +[\d,]+\/s, \d+ % │ +(yes|no) │/,
      );
      if (broker === "rabbitmq") expect(printed).toMatch(/Celery is not compared: no Python with celery and redis/);
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it("stores messages as the client alone does, one by one and many at a time", async () => {
    const printed = await bench("enqueue", "--broker", "nats", "--tasks", "1000", "--peers");
    for (const how of ["1,000 unconfirmed", "500 unconfirmed", "one at a time"]) {
      expect(printed).toMatch(new RegExp(`│ @nats-io, ${how}\\s+│\\s+1,000 │\\s+[\\d,]+ │`));
    }
  });

  it("takes start and end of waiting tasks from the event stream", async () => {
    const printed = await bench("pools", "--quick", "--only", "solo");
    const [, makespan] = /│ solo │\s+1 │\s+4 │\s+2\.00 s │\s+([\d.]+) s │/.exec(printed) ?? [];
    expect(Number(makespan)).toBeGreaterThanOrEqual(2);
  });
});
