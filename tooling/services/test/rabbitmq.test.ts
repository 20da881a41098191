import { expect, test } from "vitest";
import { startRabbitMq } from "../src/index.ts";

test("starts a RabbitMQ on a free port, answers, is the same after a hard restart, and leaves nothing running", async () => {
  const pids: number[] = [];
  {
    await using server = await startRabbitMq({ settings: ["consumer_timeout = 123456"] });
    pids.push(server.process.pid);
    expect(await server.evaluate("application:get_env(rabbit, consumer_timeout).")).toBe("{ok, 123456}");
    expect(await server.ctl("add_vhost", "kept")).toBeDefined();
    await server.process.restart();
    pids.push(server.process.pid);
    expect(await server.ctl("list_vhosts")).toContain("kept");
  }
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("listens on loopback only", async () => {
  await using server = await startRabbitMq();
  const listening = await server.evaluate(
    'lists:usort([element(1, element(2, inet:sockname(P))) || P <- erlang:ports(), {name, "tcp_inet"} =:= erlang:port_info(P, name), {error, enotconn} =:= inet:peername(P)]).',
  );
  expect(listening).toBe("[{127, 0, 0, 1}]");
});
