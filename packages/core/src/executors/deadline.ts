/** A promise with a last moment. */

/** As `work`, or rejects with `late()` after `ms`. The work itself goes on; its late failure is not an unhandled rejection. */
export async function withDeadline<T>(work: PromiseLike<T> | T, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
