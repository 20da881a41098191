import { fileURLToPath } from "node:url";
import { Bench } from "@lovage/processes";
import { startRabbitMq } from "@lovage/services";
import { expect, it } from "vitest";

const APP = fileURLToPath(new URL("./apps/adding.ts", import.meta.url));

it("with RabbitMQ alone a call gets its result, also a task's own; another process is told where it is", async () => {
  await using server = await startRabbitMq();
  await using bench = await Bench.open(server.url);
  const replies = ["--results", server.url];
  const worker = bench.start(["worker", APP, "--pool", "io=event:5", ...replies]);
  await worker.line(({ json }) => json?.message === "worker ready", "being ready");
  expect(worker.lines.some(({ json }) => json?.results === "rabbitmq replies")).toBe(true);

  const sum = await bench.run(["call", APP, "numbers.sum", "[[1,2,3]]", "--wait", ...replies]);
  expect(sum).toMatchObject({ code: 0, output: expect.stringMatching(/^6$/m) });

  const call = await bench.run(["call", APP, "numbers.add", "[1,2]"]);
  const id = /[0-9a-f-]{36}/.exec(call.output)?.[0] as string;
  const elsewhere = await bench.run(["result", id, ...replies]);
  expect(elsewhere.code).not.toBe(0);
  expect(elsewhere.output).toContain("go to the process that enqueued the task");

  const unasked = await bench.run(["call", APP, "numbers.add", "[1,2]", "--wait"]);
  expect(unasked.code, "no reply queue without --results").not.toBe(0);
  expect(unasked.output).toContain("no result store");

  const doctor = await bench.run(["doctor", ...replies]);
  expect(doctor.output).toContain("results: sent to whoever enqueued the task");
});
