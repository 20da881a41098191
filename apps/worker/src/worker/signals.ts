/**
 * What signals ask of a worker. TERM and INT: the first lets running tasks finish, the second gives them back at once, the third ends
 * the process. QUIT gives back at once. TSTP takes no new work, CONT takes it again. USR2 tells the log what runs.
 */

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGQUIT";

export interface SignalHandlers {
  drain(signal: StopSignal): void;
  giveBack(signal: StopSignal): void;
  exit(signal: StopSignal): void;
  quiet(): void;
  unquiet(): void;
  dump(): void;
}

/** Listens until the returned function is called. */
export function handleSignals(handlers: SignalHandlers): () => void {
  let asked = 0;
  const stop = (signal: StopSignal): void => {
    asked += 1;
    if (asked === 1 && signal !== "SIGQUIT") handlers.drain(signal);
    else if (asked <= 2) handlers.giveBack(signal);
    else handlers.exit(signal);
  };
  const listeners: readonly [NodeJS.Signals, () => void][] = [
    ["SIGTERM", () => stop("SIGTERM")],
    ["SIGINT", () => stop("SIGINT")],
    ["SIGQUIT", () => stop("SIGQUIT")],
    ["SIGTSTP", () => handlers.quiet()],
    ["SIGCONT", () => handlers.unquiet()],
    ["SIGUSR2", () => handlers.dump()],
  ];
  const here = process.platform === "win32" ? listeners.slice(0, 2) : listeners;
  for (const [signal, listener] of here) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of here) process.off(signal, listener);
  };
}
