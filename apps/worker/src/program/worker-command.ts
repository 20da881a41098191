/** `lovage worker`. */

import { type Command, Option } from "commander";
import { collect, withPlaces } from "../commands/common-options.ts";
import type { Finish } from "./finish.ts";

export function addWorker(program: Command, finish: Finish): void {
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
    .action((app, flags) => finish(import("../commands/worker.ts").then((command) => command.worker(app, flags))));
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
