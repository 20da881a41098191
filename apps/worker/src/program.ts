/** The commands and their options. What a command does is imported when it is called, so that none pays for another. */

import { Argument, Command } from "commander";
import { addAdapters } from "./program/adapter-commands.ts";
import { addClient } from "./program/client-commands.ts";
import type { Finish } from "./program/finish.ts";
import { addQueues } from "./program/queue-commands.ts";
import { addWorker } from "./program/worker-command.ts";
import { addControl, addWatching } from "./program/worker-commands.ts";
import { version } from "./version.ts";

const HELP = `
Examples:
  $ lovage worker app.ts                                    embedded SQLite broker, no server to install
  $ lovage call app.ts pages.fetch '["https://example.org"]' --wait
  $ lovage ps
  $ lovage dead ls

Brokers (--broker, or LOVAGE_BROKER; results: --results, or LOVAGE_RESULTS):
  sqlite:./lovage.db   a file, the default          sqlite:/var/lib/app/lovage.db
  memory:              this process only            redis://host:6379  rediss://…   npm install @lovage/broker-redis
  amqp://host          npm install @lovage/broker-rabbitmq      nats://host   npm install @lovage/broker-nats
  <scheme>:…           npm install lovage-broker-<scheme>

Exit codes:
  0 done   1 the answer is no (failed, unknown, nobody answered)   64 wrong use   66 app cannot be loaded
  69 broker unreachable   70 internal error   75 worker gave work back   130, 143 second INT, TERM

lovage <command> --help says more about each.
`;

export function createProgram(finish: Finish): Command {
  const program = new Command("lovage")
    .description(
      "A task queue for Node.js: one worker, several kinds of pool, any broker; nothing lost, whatever a task does.",
    )
    .version(version(), "-v, --version")
    .helpCommand("help [command]", "help about a command")
    .showSuggestionAfterError()
    .addHelpText("after", HELP);
  addWorker(program, finish);
  addClient(program, finish);
  addWatching(program, finish);
  addControl(program, finish);
  addQueues(program, finish);
  addAdapters(program, finish);
  program
    .command("completion")
    .description("Print a completion script: source <(lovage completion bash)")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .action((shell) =>
      finish(import("./commands/completion.ts").then((command) => command.completion(shell, program))),
    );
  return program;
}
