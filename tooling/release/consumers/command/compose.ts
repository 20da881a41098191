import { createApp } from "@lovage/core";
import { composeWorker, connect, openBroker } from "lovage";
import { greet } from "./app.ts";

/** Compiled only: the composition behind the command is typed for those who take the package alone. */
export async function produce(): Promise<string> {
  await using app = createApp({ tasks: [greet], ...(await connect("sqlite:./lovage.db")) });
  return (await app.task(greet).enqueue("Ann")).result({ timeout: "1m" });
}
export { composeWorker, openBroker };
