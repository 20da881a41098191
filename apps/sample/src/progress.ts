/** How far each queue is: a bar per queue on a terminal, a line now and then elsewhere. Written to stderr, so that stdout is the outcome alone. */

import { MultiBar } from "cli-progress";

export interface QueueProgress {
  /** Tasks in all. */
  total(count: number): void;
  /** One more is done. */
  done(): void;
}

export interface Progress extends Disposable {
  queue(name: string, about: string): QueueProgress;
}

const LINE_EVERY_MS = 1_000;

export function showProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? bars(stream) : lines(stream);
}

function bars(stream: NodeJS.WriteStream): Progress {
  const multi = new MultiBar({
    format: "  {name} {bar} {value}/{total}  {about}",
    hideCursor: true,
    linewrap: false,
    stream,
    barsize: 36,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  return {
    queue(name, about) {
      const bar = multi.create(0, 0, { name: name.padEnd(4), about });
      return { total: (count) => bar.setTotal(count), done: () => bar.increment() };
    },
    [Symbol.dispose]: () => multi.stop(),
  };
}

function lines(stream: NodeJS.WriteStream): Progress {
  const queues = new Map<string, { done: number; total: number }>();
  const print = () => {
    const states = [...queues].map(([name, { done, total }]) => `${name} ${done}/${total}`);
    stream.write(`${states.join("   ")}\n`);
  };
  const timer = setInterval(print, LINE_EVERY_MS);
  return {
    queue(name) {
      const state = { done: 0, total: 0 };
      queues.set(name, state);
      return {
        total(count) {
          state.total = count;
        },
        done() {
          state.done++;
        },
      };
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      print();
    },
  };
}
