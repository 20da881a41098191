/** What an operator asks of running workers: `ps`, `inspect`, `events`, `doctor`, `control`. */

import { Argument, type Command } from "commander";
import { collect, withJson, withPlaces, withTimeout } from "../commands/common-options.ts";
import type { Finish } from "./finish.ts";

const ASK_MS = "1s";

export function addWatching(program: Command, finish: Finish): void {
  const ps = program
    .command("ps")
    .summary("list running workers")
    .description("List running workers: state, load and pools.");
  withTimeout(withJson(withPlaces(ps)), ASK_MS).action((flags) =>
    finish(import("../commands/ps.ts").then((command) => command.ps(flags))),
  );

  const inspect = program
    .command("inspect")
    .summary("look inside workers")
    .description(
      "What workers run (active), hold (reserved), know (registered), have done (stats), and which option of which task was set by whom (conf).",
    )
    .addArgument(new Argument("<what>").choices(["active", "reserved", "registered", "stats", "conf"]));
  withTimeout(withJson(withPlaces(inspect)), ASK_MS)
    .option("--worker <name>", "only this worker (repeatable)", collect)
    .action((what, flags) => finish(import("../commands/inspect.ts").then((command) => command.inspect(what, flags))));

  const events = program
    .command("events")
    .summary("follow what happens to tasks")
    .description(
      "One line per event of every task on every worker, until Ctrl-C. Finished tasks come with start and finish times.",
    );
  withJson(withPlaces(events))
    .option("--task <name>", "only this task (repeatable)", collect)
    .option("--type <type>", "only this type: received, started, succeeded, retried, failed, … (repeatable)", collect)
    .addHelpText(
      "after",
      `\nExamples:\n  $ lovage events --type failed --type retried\n  $ lovage events --json | jq 'select(.durationMs > 1000)'\n`,
    )
    .action((flags) => finish(import("../commands/events.ts").then((command) => command.events(flags))));

  const doctor = program
    .command("doctor")
    .summary("check machine, broker and queues")
    .description("Check this machine, the broker, its settings and its queues. Exit code 1 when something is wrong.");
  withJson(withPlaces(doctor)).action((flags) =>
    finish(import("../commands/doctor.ts").then((command) => command.doctor(flags))),
  );
}

export function addControl(program: Command, finish: Finish): void {
  const control = program.command("control").summary("change running workers").description("Change running workers.");
  const leaf = (parent: Command, name: string, summary: string): Command =>
    withTimeout(withJson(withPlaces(parent.command(name).description(summary))), "5s").option(
      "--worker <name>",
      "only this worker (repeatable)",
      collect,
    );
  const load = () => import("../commands/control.ts");

  leaf(
    control,
    "pool",
    "Change the size of a pool; resolves when the size is reached: lovage control pool cpu resize 8",
  )
    .argument("<name>", "name of the pool")
    .addArgument(new Argument("<action>").choices(["resize"]))
    .argument("<n>", "slots")
    .action((name, _action, size, flags) => finish(load().then((command) => command.resizePool(name, size, flags))));
  leaf(control, "quiet", "Take no new work, and go on with what runs.").action((flags) =>
    finish(load().then((command) => command.quiet(flags))),
  );
  leaf(control, "unquiet", "Take work again.").action((flags) =>
    finish(load().then((command) => command.unquiet(flags))),
  );
  leaf(control, "ping", "Ask who is alive.").action((flags) => finish(load().then((command) => command.ping(flags))));
  leaf(control, "shutdown", "Stop workers as SIGTERM does.")
    .option("--grace <duration>", "how long running tasks may finish; 0 gives them back at once")
    .action((flags) => finish(load().then((command) => command.shutdown(flags))));
}
