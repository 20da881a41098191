/** The commands and their options. What a command does is imported when it is called, so that none pays for another. */

import { Argument, Command, Option } from "commander";
import { collect, type PlaceFlags, withJson, withPlaces, withTimeout } from "./commands/common-options.ts";
import type { ExitCode } from "./exit-codes.ts";
import { version } from "./version.ts";

/** Called with what the chosen command ends with. */
export type Finish = (code: Promise<ExitCode>) => Promise<void>;

const ASK_MS = "1s";

function addWorker(program: Command, finish: Finish): void {
  const worker = program
    .command("worker")
    .summary("run a worker")
    .description("Run the tasks of an app until stopped: every queue in the pool that suits it.")
    .argument("<app>", "module that exports createApp(…): app.ts");
  withPlaces(worker)
    .option(
      "--pool <name=kind:size>",
      "a pool: kind is event, process, thread or solo, size its slots (repeatable)",
      collect,
    )
    .option("-P, --pool-kind <kind>", "one pool of this kind for every queue")
    .option("-c, --concurrency <n>", "slots of the pool of -P")
    .option(
      "-Q, --queues <[pool:]queue,…>",
      "serve only these queues, in this pool; queue=3 gives it three shares (repeatable)",
      collect,
    )
    .option("--buffer <n|auto>", "deliveries held beyond the slots; auto holds 5 ms of work, for short tasks only")
    .option("--soft-limit <duration>", "abort signal of tasks that set no soft limit themselves")
    .option("--hard-limit <duration>", "kill tasks that set no hard limit themselves after this long")
    .option("--recycle <limits>", "replace executors: tasks=1000,memory=512mb,age=1h,idle=60s, any of the four")
    .option("--name <name>", "unique name of this worker (default: host-pid-xxxx)")
    .addOption(
      new Option("--log <format>", "log format (default: pretty on a terminal, else json)").choices(["json", "pretty"]),
    )
    .addOption(
      new Option("--log-level <level>", "least level that is logged")
        .choices(["debug", "info", "warn", "error"])
        .default("info"),
    )
    .option("--drain", "stop with 0 when every queue is empty and nothing runs")
    .option("--grace <duration>", "how long running tasks may finish after SIGTERM", "25s")
    .option("--connect-timeout <duration>", "how long the broker may be out of reach at start; 0 waits for ever", "30s")
    .option("--http <[host]:port>", "serve /healthz, /readyz and /metrics")
    .option("--inline", "run tasks on the engine's own loop (tests only: a task that blocks stops everything)")
    .option("--export <name>", "export of the module that holds the app (default: the default export)")
    .addHelpText("after", WORKER_HELP)
    .action((app, flags) => finish(import("./commands/worker.ts").then((command) => command.worker(app, flags))));
}

const WORKER_HELP = `
Examples:
  $ lovage worker app.ts
  $ lovage worker app.ts --broker redis://localhost --pool cpu=process:4 --pool io=event:500
  $ lovage worker app.ts -P thread -c 8                     one pool for everything
  $ lovage worker app.ts -Q io:emails,webhooks=3 -Q cpu:images
  $ lovage worker app.ts --drain --log json                 cron, CI: run until empty, exit 0
  $ lovage worker app.ts --recycle tasks=1000,memory=512mb --http :9464

Pools:
  event    tasks that wait (HTTP, databases): 100 slots on one thread
  process  tasks that compute: one at a time in each child process; contains crashes, always killable
  thread   tasks that compute: one at a time in each thread; cheaper, killable while JavaScript runs
  solo     one task at a time
  Celery's names work too: prefork, threads, gevent, eventlet. Without flags the app's own pools are used:
  io=event:100 and cpu=process:(CPUs that affinity and container quota leave) unless it says otherwise.

Signals:
  TERM, INT   take no new work and let running tasks finish within --grace, then abort, then give back;
              a second one gives back at once, a third ends the process
  QUIT        give back at once
  TSTP, CONT  take no new work; take it again
  USR2        write what runs to the log

Exit codes:
  0   stopped, nothing left undone        64  wrong flag or configuration
  66  the app cannot be loaded            69  broker or result store unreachable at start
  70  internal error, or did not stop     75  stopped, and work was given back
  130, 143  a second INT, TERM
`;

function addClient(program: Command, finish: Finish): void {
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
      finish(import("./commands/call.ts").then((command) => command.call(app, task, args, flags))),
    );

  const result = program
    .command("result")
    .summary("print a task's result")
    .description("Print what a task returned. Exit code 1 when it failed, is not done, or is not known.")
    .argument("<id>", "id of the task");
  withJson(withPlaces(result))
    .option("-w, --wait", "wait until it has ended")
    .option("--timeout <duration>", "wait no longer than this")
    .action((id, flags) => finish(import("./commands/result.ts").then((command) => command.result(id, flags))));

  const cancel = program
    .command("cancel")
    .summary("cancel tasks")
    .description("Remove waiting tasks; tell running ones to end.")
    .argument("<id...>", "ids of the tasks");
  withJson(withPlaces(cancel))
    .option("--stop", "kill a running task that does not end by itself within 5 s")
    .option("--reason <text>", "what the task and its result say")
    .action((ids, flags) => finish(import("./commands/cancel.ts").then((command) => command.cancel(ids, flags))));
}

function addWatching(program: Command, finish: Finish): void {
  const ps = program
    .command("ps")
    .summary("list running workers")
    .description("List running workers: state, load and pools.");
  withTimeout(withJson(withPlaces(ps)), ASK_MS).action((flags) =>
    finish(import("./commands/ps.ts").then((command) => command.ps(flags))),
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
    .action((what, flags) => finish(import("./commands/inspect.ts").then((command) => command.inspect(what, flags))));

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
    .action((flags) => finish(import("./commands/events.ts").then((command) => command.events(flags))));

  const doctor = program
    .command("doctor")
    .summary("check machine, broker and queues")
    .description("Check this machine, the broker, its settings and its queues. Exit code 1 when something is wrong.");
  withJson(withPlaces(doctor)).action((flags) =>
    finish(import("./commands/doctor.ts").then((command) => command.doctor(flags))),
  );
}

function addControl(program: Command, finish: Finish): void {
  const control = program.command("control").summary("change running workers").description("Change running workers.");
  const leaf = (parent: Command, name: string, summary: string): Command =>
    withTimeout(withJson(withPlaces(parent.command(name).description(summary))), "5s").option(
      "--worker <name>",
      "only this worker (repeatable)",
      collect,
    );
  const load = () => import("./commands/control.ts");

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

function addQueues(program: Command, finish: Finish): void {
  const queue = program.command("queue").summary("look at and change queues").description("Look at and change queues.");
  const loadQueue = () => import("./commands/queue.ts");
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
  const loadDead = () => import("./commands/dead.ts");
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
  program
    .command("completion")
    .description("Print a completion script: source <(lovage completion bash)")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .action((shell) =>
      finish(import("./commands/completion.ts").then((command) => command.completion(shell, program))),
    );
  return program;
}

export type { PlaceFlags };
