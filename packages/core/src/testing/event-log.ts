/** What happened, in order, and what will: so that a test waits for an event instead of a time. */
export interface EventLog<E extends { readonly type: string }> extends Disposable {
  /** Everything heard so far. */
  readonly events: readonly E[];
  /**
   * The first event of that type (and that `matches`) which no earlier `next` of the type has returned, heard already or still to come.
   * Rejects after `timeoutMs` (default 5,000) with what was heard instead.
   */
  next<T extends E["type"]>(
    type: T,
    matches?: (event: Extract<E, { readonly type: T }>) => boolean,
    options?: { readonly timeoutMs?: number },
  ): Promise<Extract<E, { readonly type: T }>>;
  /** Stops listening. */
  stop(): void;
}

export interface EventSource<E> {
  onEvent(listener: (event: E) => void): () => void;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/** Listens to a broker, pool or worker from now on. */
export function eventLog<E extends { readonly type: string }>(source: EventSource<E>): EventLog<E> {
  const events: E[] = [];
  const returned = new Set<E>();
  const waiting = new Set<() => void>();
  const unlisten = source.onEvent((event) => {
    events.push(event);
    for (const look of [...waiting]) look();
  });
  const stop = (): void => {
    unlisten();
  };
  return {
    events,
    stop,
    [Symbol.dispose]: stop,
    next(type, matches = () => true, options = {}) {
      type Wanted = Extract<E, { readonly type: typeof type }>;
      const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      return new Promise<Wanted>((resolve, reject) => {
        const look = (): void => {
          const found = events.find((event) => event.type === type && !returned.has(event) && matches(event as Wanted));
          if (found === undefined) return;
          returned.add(found);
          waiting.delete(look);
          clearTimeout(timer);
          resolve(found as Wanted);
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          const heard = events.map((event) => event.type).join(", ") || "nothing";
          reject(new Error(`no event "${type}" within ${timeoutMs} ms; heard: ${heard}`));
        }, timeoutMs);
        waiting.add(look);
        look();
      });
    },
  };
}
