/** The commands that a running worker answers, by name. Arguments come from outside and are checked here. */

import { ConfigurationError, type ControlCommand, type ControlHandler } from "../contracts/index.ts";
import { configurationOf } from "./inspect.ts";
import type { Kernel } from "./kernel.ts";
import type { Worker } from "./worker-types.ts";

export function controlHandler(kernel: Kernel, worker: Worker): ControlHandler {
  const commands: Record<string, (args: Readonly<Record<string, unknown>>) => unknown> = {
    ping: () => "pong",
    inspect: (args) => inspect(kernel, worker, args.what),
    cancel: (args) => {
      const reason = typeof args.reason === "string" ? { reason: args.reason } : {};
      const ids = strings(args.ids, "ids");
      return { cancelled: ids.filter((id) => worker.cancel(id, { ...reason, stop: args.stop === true })) };
    },
    "pool-resize": async (args) => {
      const lane = kernel.lanes.find((candidate) => candidate.name === args.pool);
      if (lane === undefined) throw unknownPool(kernel, args.pool);
      if (typeof args.size !== "number") throw new ConfigurationError("pool-resize needs a number: size");
      await lane.pool.resize(args.size);
      return { pool: lane.name, capacity: lane.pool.capacity };
    },
    quiet: () => {
      worker.quiet();
      return worker.state;
    },
    unquiet: () => {
      worker.unquiet();
      return worker.state;
    },
    shutdown: (args) => {
      // The reply must leave before the channel closes.
      setTimeout(() => {
        void worker.stop(typeof args.graceMs === "number" ? { graceMs: args.graceMs } : {});
      }, 50);
      return "stopping";
    },
  };
  return (command: ControlCommand) => {
    const run = commands[command.name];
    if (run === undefined)
      throw new ConfigurationError(
        `unknown command "${command.name}"; this worker answers ${Object.keys(commands).join(", ")}`,
      );
    return run(command.args ?? {});
  };
}

function inspect(kernel: Kernel, worker: Worker, what: unknown): unknown {
  switch (what) {
    case "active":
      return worker.active();
    case "reserved":
      return worker.reserved();
    case "registered":
      return kernel.app.tasks.names();
    case "stats":
      return worker.stats();
    case "conf":
      return configurationOf(kernel);
    default:
      throw new ConfigurationError(
        `inspect what? One of active, reserved, registered, stats, conf; not ${String(what)}`,
      );
  }
}

function strings(value: unknown, name: string): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new ConfigurationError(`${name} must be a list of strings`);
}

function unknownPool(kernel: Kernel, name: unknown): ConfigurationError {
  const known = kernel.lanes.map((lane) => lane.name).join(", ");
  return new ConfigurationError(`this worker has no pool "${String(name)}"; it has ${known}`);
}
