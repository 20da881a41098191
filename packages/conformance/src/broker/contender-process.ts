import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { before } from "../run-scenarios.ts";
import type { ContenderJob, ContenderWord } from "./contender-protocol.ts";
import type { BrokerContext } from "./context.ts";

/** Beside this file, compiled as this file is. */
const PROGRAM = new URL(`./contender${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
const MAX_OUTPUT = 4_096;

export interface Contender {
  /** Ids it said, by the kind of word, in order. */
  ids(type: "delivered" | "acked" | "accepted"): readonly string[];
  /** Waits until it has said this. Rejects if it ends before. */
  said(type: ContenderWord["type"]): Promise<void>;
  /** Asks a drain to stop; resolves when the process has ended by itself. */
  finish(): Promise<void>;
  kill(): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts a process that reaches the same server by `harness.spawnable`. It is killed at the end of the scenario if it still runs. */
export function startContender(c: BrokerContext, request: Pick<ContenderJob, "role" | "queue" | "credit">): Contender {
  const { spawnable } = c.harness;
  if (spawnable === undefined) throw new Error("the harness has no `spawnable`");
  const job: ContenderJob = { ...request, module: String(spawnable.module), args: spawnable.args ?? [] };
  const child: ChildProcess = fork(PROGRAM, [JSON.stringify(job)], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const words: ContenderWord[] = [];
  const looks = new Set<() => void>();
  let output = "";
  const look = (): void => {
    for (const each of [...looks]) each();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-MAX_OUTPUT);
    });
  }
  child.on("message", (word: ContenderWord) => {
    words.push(word);
    look();
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on("close", (code, signal) => {
      resolve({ code, signal });
      look();
    });
  });
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  const kill = async (): Promise<void> => {
    if (running()) child.kill("SIGKILL");
    await ended;
  };
  c.cleanup(kill);
  const patience = c.tolerance.patienceMs + 10_000;
  const contender: Contender = {
    ids: (kind) => words.flatMap((word) => (word.type === kind ? word.ids : [])),
    said(type) {
      const heard = new Promise<void>((resolve, reject) => {
        const check = (): void => {
          if (words.some((word) => word.type === type)) resolve();
          else if (!running()) reject(new Error(`the process ended before it said "${type}": ${output}`));
          else return;
          looks.delete(check);
        };
        looks.add(check);
        check();
      });
      return before(patience, `a process to say "${type}" ${output}`, heard);
    },
    async finish() {
      child.send("stop");
      const { code, signal } = await before(patience, "a process to end by itself", ended);
      if (code !== 0) throw new Error(`the process ended with ${code ?? signal}: ${output}`);
    },
    kill,
    ended: before(patience * 2, "a process to end by itself", ended),
  };
  contender.ended.catch(() => {});
  return contender;
}
