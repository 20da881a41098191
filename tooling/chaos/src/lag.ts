/** How late this process's own timers are: what the machine adds to every time measured on it. */

const EVERY_MS = 20;
/** Less is not worth a line. */
const WORTH_MS = 20;

/** Reports each new worst. Returns what ends it. */
export function watchLag(worst: (ms: number) => void): () => void {
  let last = performance.now();
  let most = WORTH_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    const late = now - last - EVERY_MS;
    last = now;
    if (late <= most) return;
    most = late;
    worst(Math.round(late));
  }, EVERY_MS);
  return () => clearInterval(timer);
}
