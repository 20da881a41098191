import { connect } from "node:net";

/** The first answer to one command, as it comes: `+PONG`, `:1`, a text with its lengths. For setting servers up, not for working with them. */
export function askRedis(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.setTimeout(2_000, () => socket.destroy(new Error(`no answer to ${command.slice(0, 40)}`)));
    socket.on("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
}

/** True once it answers as a server that has loaded its data does; one that asks for a password has, too. */
export async function redisAnswers(port: number): Promise<boolean> {
  return /^(\+PONG|-NOAUTH)/.test(await askRedis(port, "PING"));
}

/** Asked again and again until it holds. */
export async function redisSays(port: number, command: string, expected: RegExp, withinMs = 30_000): Promise<void> {
  const until = Date.now() + withinMs;
  for (;;) {
    const answer = await askRedis(port, command).catch((error: Error) => error.message);
    if (expected.test(answer)) return;
    if (Date.now() > until) throw new Error(`${command} at ${port} says ${answer.slice(0, 500)}, not ${expected}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
