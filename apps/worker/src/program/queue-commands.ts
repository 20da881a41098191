/** What an operator asks of the broker: `queue`, `dead`. */

import type { Command } from "commander";
import { withJson, withPlaces } from "../commands/common-options.ts";
import type { Finish } from "./finish.ts";

export function addQueues(program: Command, finish: Finish): void {
  const queue = program.command("queue").summary("look at and change queues").description("Look at and change queues.");
  const loadQueue = () => import("../commands/queue.ts");
  withJson(withPlaces(queue.command("ls").description("Names of the queues."))).action((flags) =>
    finish(loadQueue().then((command) => command.listQueues(flags))),
  );
  withJson(
    withPlaces(queue.command("stats").description("What is in the queues.").argument("[queue...]", "default: all")),
  ).action((names, flags) => finish(loadQueue().then((command) => command.queueStats(names, flags))));
  withJson(withPlaces(queue.command("purge").description("Remove every ready message for good.").argument("<queue>")))
    .option("--delayed", "delayed messages as well")
    .option("-y, --yes", "do not ask")
    .action((name, flags) => finish(loadQueue().then((command) => command.purgeQueue(name, flags))));
  withPlaces(
    queue
      .command("pause")
      .description("Start no more tasks of a queue, on any worker, until it is resumed.")
      .argument("<queue>"),
  ).action((name, flags) => finish(loadQueue().then((command) => command.pauseQueue(name, flags))));
  withPlaces(queue.command("resume").description("Go on with a paused queue.").argument("<queue>")).action(
    (name, flags) => finish(loadQueue().then((command) => command.resumeQueue(name, flags))),
  );

  const dead = program
    .command("dead")
    .summary("tasks that failed for good")
    .description("Look at, retry and drop dead letters: tasks that failed for good.");
  const loadDead = () => import("../commands/dead.ts");
  withJson(
    withPlaces(dead.command("ls").description("List dead letters, oldest first.").argument("[queue]", "default: all")),
  )
    .option("--limit <n>", "at most this many of each queue", "100")
    .option("--after <id>", "those after this one")
    .action((name, flags) => finish(loadDead().then((command) => command.listDead(name, flags))));
  withJson(
    withPlaces(
      dead
        .command("show")
        .description("Everything about one dead letter: reason, headers, arguments.")
        .argument("<id>"),
    ),
  ).action((id, flags) => finish(loadDead().then((command) => command.showDead(id, flags))));
  withJson(
    withPlaces(
      dead
        .command("retry")
        .description("Make dead letters ready again, with the same ids.")
        .argument("<queue>")
        .argument("[id...]"),
    ),
  )
    .option("--all", "all of the queue")
    .option("-y, --yes", "do not ask")
    .action((name, ids, flags) => finish(loadDead().then((command) => command.retryDead(name, ids, flags))));
  withJson(
    withPlaces(
      dead.command("drop").description("Remove dead letters for good.").argument("<queue>").argument("[id...]"),
    ),
  )
    .option("--all", "all of the queue")
    .option("-y, --yes", "do not ask")
    .action((name, ids, flags) => finish(loadDead().then((command) => command.dropDead(name, ids, flags))));
}
