import { connect } from "node:net";
import { expect, test } from "vitest";
import { startRedis } from "../src/index.ts";

test("starts a Redis on a free port, keeps its data over a hard restart, and leaves nothing running", async () => {
  let pid = 0;
  {
    await using server = await startRedis();
    pid = server.process.pid;
    expect(await ask(server.port, "SET a 1")).toBe("+OK");
    await server.process.restart();
    expect(server.process.pid).not.toBe(pid);
    pid = server.process.pid;
    expect(await ask(server.port, "STRLEN a")).toBe(":1");
  }
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("says what the server printed when it cannot start", async () => {
  await expect(startRedis(["--no-such-setting", "1"])).rejects.toThrow(/no-such-setting/);
});

async function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.on("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString().trim());
    });
  });
}
