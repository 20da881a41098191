/** What a producer asks: `call`, `result`, `cancel`. */

import type { Command } from "commander";
import { withJson, withPlaces } from "../commands/common-options.ts";
import type { Finish } from "./finish.ts";

export function addClient(program: Command, finish: Finish): void {
  const call = program
    .command("call")
    .summary("enqueue a task")
    .description("Enqueue a task of an app by name, and print its id.")
    .argument("<app>", "module that exports createApp(…)")
    .argument("<task>", "name of the task")
    .argument("[args]", "its arguments, a JSON array", "[]");
  withJson(withPlaces(call))
    .option("-w, --wait", "wait for the result and print it")
    .option("--timeout <duration>", "wait no longer than this")
    .option("--delay <duration>", "not before this long from now")
    .option("--priority <0-9>", "9 goes first")
    .option("--queue <queue>", "send it to this queue")
    .option("--expires <duration>", "not started later than this long from now")
    .option("--id <uuid>", "its id; with the same id it is enqueued once, where the broker recognises duplicates")
    .option("--export <name>", "export of the module that holds the app")
    .addHelpText(
      "after",
      `\nExamples:\n  $ lovage call app.ts images.thumbnail '["a.png", 32]' --wait\n  $ lovage call app.ts pages.fetch '["https://example.org"]' --delay 5m --priority 7\n`,
    )
    .action((app, task, args, flags) =>
      finish(import("../commands/call.ts").then((command) => command.call(app, task, args, flags))),
    );

  const result = program
    .command("result")
    .summary("print a task's result")
    .description("Print what a task returned. Exit code 1 when it failed, is not done, or is not known.")
    .argument("<id>", "id of the task");
  withJson(withPlaces(result))
    .option("-w, --wait", "wait until it has ended")
    .option("--timeout <duration>", "wait no longer than this")
    .action((id, flags) => finish(import("../commands/result.ts").then((command) => command.result(id, flags))));

  const cancel = program
    .command("cancel")
    .summary("cancel tasks")
    .description("Remove waiting tasks; tell running ones to end.")
    .argument("<id...>", "ids of the tasks");
  withJson(withPlaces(cancel))
    .option("--stop", "kill a running task that does not end by itself within 5 s")
    .option("--reason <text>", "what the task and its result say")
    .action((ids, flags) => finish(import("../commands/cancel.ts").then((command) => command.cancel(ids, flags))));
}
