import type { RabbitMqServer } from "@lovage/services";

/** The namespace's own; what is in them is no queue's, and delayed messages leave the ladder when they are due. */
const FIXED = /^lovage:(journal|serving|listening|delay:\d\d)$/;

/** Queues that are not fixed, and messages in them. */
export async function contentsOf(server: RabbitMqServer): Promise<readonly string[]> {
  const printed = await server.evaluate(
    `lists:flatten([io_lib:format("~s ~p|", [element(4, element(2, Q)), proplists:get_value(messages, rabbit_amqqueue:info(Q, [messages]), 0)]) || Q <- rabbit_amqqueue:list()]).`,
  );
  return printed
    .replaceAll(/^"|"$/g, "")
    .split("|")
    .filter((line) => line.trim() !== "")
    .flatMap((line) => {
      const [name = "", count] = line.trim().split(" ");
      if (FIXED.test(name)) return [];
      return [name, ...Array.from({ length: Number(count) || 0 }, (_, index) => `message ${index} in ${name}`)];
    });
}
