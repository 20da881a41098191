/** From what happens in a worker to lines of its log. */

import type { BrokerEvent, ErrorData, PoolEvent, TaskEvent } from "@lovage/core/contracts";
import type { StopPhase, WorkerEvent } from "@lovage/core/engine";
import { formatMs } from "../output/format.ts";
import type { Log, LogFields } from "../output/log.ts";

const PHASES: Readonly<Record<StopPhase, string>> = {
  "intake-stopped": "stopping: no new work is taken",
  "unstarted-released": "stopping: what had not begun was given back",
  waiting: "stopping: waiting for running tasks",
  aborting: "stopping: running tasks are told to abort",
  "giving-back": "stopping: running tasks are given back",
  closing: "stopping: closing pools and connections",
  stopped: "worker stopped",
};

function errorFields(error: ErrorData): LogFields {
  return { error: `${error.name}: ${error.message}`, ...(error.stack === undefined ? {} : { stack: error.stack }) };
}

function logTask(log: Log, event: TaskEvent): void {
  const { task, id, queue, attempt } = event;
  const about = { id, task, queue, attempt };
  switch (event.type) {
    case "task-succeeded":
      if (log.enabled("debug")) {
        log.write("debug", `${task} succeeded in ${formatMs(event.durationMs)}`, {
          ...about,
          durationMs: event.durationMs,
        });
      }
      return;
    case "task-received":
    case "task-started":
    case "task-progress":
    case "task-released":
    case "task-adopted":
      if (log.enabled("debug")) {
        log.write("debug", `${task} ${event.type.slice("task-".length)}`, {
          ...about,
          ...("reason" in event ? { reason: event.reason } : {}),
        });
      }
      return;
    case "task-retried":
      log.write("warn", `${task} failed, again in ${formatMs(event.delayMs)}`, {
        ...about,
        ...errorFields(event.error),
      });
      return;
    case "task-failed":
      log.write("error", `${task} failed for good (${event.reason})`, { ...about, ...errorFields(event.error) });
      return;
    case "task-cancelled":
      log.write("info", `${task} cancelled`, about);
      return;
    case "task-expired":
      log.write("warn", `${task} expired before it was started`, about);
      return;
    case "task-lost":
      log.write("warn", `${task} is no longer ours; another worker may run it too`, about);
      return;
    case "task-stalled":
      log.write("warn", `${task} blocks its executor: no answer for ${formatMs(event.stalledMs)}`, {
        ...about,
        pool: event.pool,
        stalledMs: Math.round(event.stalledMs),
        ...(event.stack === undefined ? {} : { stack: event.stack }),
      });
  }
}

function logPool(log: Log, pool: string, event: PoolEvent): void {
  switch (event.type) {
    case "capacity-changed":
      log.write("debug", `pool ${pool}: capacity ${event.capacity}, free ${event.free}`);
      return;
    case "executor-started":
      log.write("debug", `executor ${event.executor} started in ${formatMs(event.startMs)}`, { pool });
      return;
    case "executor-ended": {
      const level = event.reason === "crashed" ? "error" : event.reason === "killed" ? "warn" : "debug";
      log.write(level, `executor ${event.executor} ended: ${event.reason}`, {
        pool,
        ...(event.exitCode === undefined ? {} : { exitCode: event.exitCode }),
        ...(event.signal === undefined ? {} : { signal: event.signal }),
        ...(event.lastOutput === undefined ? {} : { stack: event.lastOutput.join("\n") }),
      });
      return;
    }
    case "executor-start-failed":
      log.write("error", `executor ${event.executor} could not start, again in ${formatMs(event.retryInMs)}`, {
        pool,
        ...errorFields(event.error),
      });
      return;
    case "stalled": {
      // Tasks that are named have lines of their own (`task-stalled`).
      const level = event.running.length === 0 ? "warn" : "debug";
      log.write(level, `executor ${event.executor} has not answered for ${formatMs(event.stalledMs)}`, {
        pool,
        running: event.running.map(({ task, id }) => `${task} ${id}`),
      });
      return;
    }
    case "recovered":
      log.write("info", `executor ${event.executor} answers again after ${formatMs(event.stalledMs)}`, { pool });
      return;
    case "output":
      log.write(event.stream === "stderr" ? "warn" : "info", event.line, {
        executor: event.executor,
        stream: event.stream,
      });
  }
}

function logBroker(log: Log, event: BrokerEvent): void {
  switch (event.type) {
    case "connected":
      log.write("info", "broker connected");
      return;
    case "disconnected":
      log.write(
        "error",
        "broker disconnected; trying again",
        event.error === undefined ? {} : { error: event.error.message },
      );
      return;
    case "blocked":
      log.write("warn", `broker holds publishers back: ${event.reason}`);
      return;
    case "unblocked":
      log.write("info", "broker takes messages again");
      return;
    case "ownership-lost":
      log.write("warn", `${event.ids.length} deliveries of ${event.queue} are no longer ours`, {
        ids: event.ids.slice(0, 10),
      });
      return;
    case "consumption-restarted":
      log.write("warn", `consumption of ${event.queue} was set up anew: ${event.reason}`);
      return;
    case "queue-lost":
      log.write("error", `queue ${event.queue} is gone`);
      return;
    case "warning":
      log.write("warn", event.message, { code: event.code });
  }
}

export function logWorkerEvent(log: Log, event: WorkerEvent): void {
  switch (event.type) {
    case "worker-state-changed":
      log.write(event.state === "quiet" ? "info" : "debug", `worker is ${event.state}`);
      return;
    case "stop-phase":
      // With nothing at stake the phases pass in a moment, and whoever ends the worker says that it has ended.
      log.write(event.running === 0 ? "debug" : "info", PHASES[event.phase], { running: event.running });
      return;
    case "task-log": {
      const { level, message, id, task, fields } = event.entry;
      if (log.enabled(level)) log.write(level, message, { task, id, ...fields });
      return;
    }
    case "pool":
      logPool(log, event.pool, event.event);
      return;
    case "broker":
      logBroker(log, event.event);
      return;
    case "result-store":
      if (event.state === "recovered") log.write("info", "results are written again");
      else
        log.write("error", "results cannot be written; they are held", {
          held: event.held,
          ...(event.error === undefined ? {} : errorFields(event.error)),
        });
      return;
    case "warning":
      log.write("warn", event.message, { code: event.code });
      return;
    case "internal-error":
      log.write("error", `internal error in ${event.where}`, errorFields(event.error));
      return;
    default:
      logTask(log, event);
  }
}
