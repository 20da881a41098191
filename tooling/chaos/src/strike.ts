/** Carries out a schedule: each fault at its time, with its beginning and its end in the ledger. */

import { setTimeout as pause } from "node:timers/promises";
import type { Fleet } from "./fleet.ts";
import type { LedgerWriter } from "./ledger.ts";
import type { Rig } from "./rigs/rig.ts";
import type { Fault } from "./schedule.ts";

export interface Scene {
  readonly fleet: Fleet;
  readonly rig: Rig;
  readonly writer: LedgerWriter;
  readonly signal: AbortSignal;
}

/** Resolves when the last fault has ended and everything struck is back. Rejects when `signal` aborts. */
export async function carryOut(faults: readonly Fault[], startsAt: number, scene: Scene): Promise<void> {
  await Promise.all(
    faults.map(async (fault) => {
      await pause(Math.max(0, startsAt + fault.atMs - Date.now()), undefined, { signal: scene.signal });
      await strike(fault, scene);
    }),
  );
}

async function strike(fault: Fault, scene: Scene): Promise<void> {
  if (fault.aims === "broker") await strikeBroker(fault, scene);
  else if (fault.aims === "producer") await strikeProducer(fault, scene);
  else await strikeWorker(fault, scene);
}

async function strikeBroker(fault: Fault, { rig, writer, signal }: Scene): Promise<void> {
  let end: () => Promise<void>;
  try {
    end = await rig.strike(fault.kind);
  } catch (error) {
    note(writer, fault, "impossible", { why: String(error) });
    return;
  }
  note(writer, fault, "begins");
  try {
    await pause(fault.forMs, undefined, { signal });
  } finally {
    await end();
    note(writer, fault, "ends");
  }
}

async function strikeProducer(fault: Fault, { fleet, writer, signal }: Scene): Promise<void> {
  const producer = fleet.producer(fault.target);
  if (producer === undefined || producer.child.exitCode !== null) {
    note(writer, fault, "impossible", { why: "it has published everything" });
    return;
  }
  note(writer, fault, "begins", { pid: producer.pid });
  producer.child.kill("SIGKILL");
  await producer.died;
  await pause(fault.forMs, undefined, { signal });
  fleet.restartProducer(fault.target);
  note(writer, fault, "ends");
}

async function strikeWorker(fault: Fault, { fleet, writer, signal }: Scene): Promise<void> {
  const worker = fleet.worker(fault.target);
  if (worker === undefined || worker.child.exitCode !== null || worker.child.signalCode !== null) {
    note(writer, fault, "impossible", { why: "it is not running" });
    return;
  }
  note(writer, fault, "begins", { pid: worker.pid });
  if (fault.kind === "stop") {
    worker.child.kill("SIGSTOP");
    try {
      await pause(fault.forMs, undefined, { signal });
    } finally {
      worker.child.kill("SIGCONT");
      note(writer, fault, "ends");
    }
    return;
  }
  if (fault.kind === "kill") worker.child.kill("SIGKILL");
  else await fleet.end(fault.target);
  await worker.died;
  note(writer, fault, "ends");
  await pause(fault.forMs, undefined, { signal });
  // Struck again before it was ready, or ended by itself: the ledger says which, and the checker judges.
  await fleet.startWorker(fault.target).catch(() => undefined);
}

function note(
  writer: LedgerWriter,
  { number, kind, aims }: Fault,
  phase: "begins" | "ends" | "impossible",
  more: { readonly pid?: number; readonly why?: string } = {},
): void {
  writer.append({ e: "fault", at: Date.now(), number, kind, aims, phase, ...more });
}
