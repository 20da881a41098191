/** The part of plainjob's interface that is measured. */

export interface PlainjobQueue {
  add(type: string, data: unknown): { id: number };
  addMany(type: string, data: readonly unknown[]): { ids: number[] };
  countJobs(options: { readonly status?: number }): number;
  close(): void;
}

export interface Plainjob {
  better(database: object): object;
  defineQueue(options: { readonly connection: object; readonly logger: Logger }): PlainjobQueue;
  defineWorker(
    type: string,
    run: () => Promise<void> | void,
    options: { readonly queue: PlainjobQueue; readonly logger: Logger; readonly pollIntervall?: number },
  ): { start(): Promise<void>; stop(): Promise<void> };
}

export interface Logger {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
}

export const SILENT: Logger = { error: console.error, warn: console.error, info: () => {}, debug: () => {} };
