/**
 * libuv has one thread pool per process, of 4 threads unless told otherwise before its first use, and every loop and thread of the
 * worker shares it: DNS look-ups of hundreds of waiting tasks, files, zlib, pbkdf2. Child processes have pools of their own.
 */

/** Room for the engine itself. */
const BASE = 4;
/** A loop thread with 100 slots looks up names and reads files for many tasks at once. */
const PER_EVENT_POOL = 16;
/** libuv's own bound is 1,024; a waiting thread costs little, but not nothing. */
const MOST = 128;

const EVENT = /^(?:event|gevent|eventlet)$/;
const THREAD = /^(?:threads?)$/;

function wanted(kind: string, size: string | undefined, cpus: number): number {
  if (EVENT.test(kind)) return PER_EVENT_POOL;
  if (THREAD.test(kind)) return Number(size ?? cpus) || cpus;
  return kind === "solo" ? 1 : 0;
}

/** The size for a command line. Reads the flags loosely: what is wrong with them is said later, by the parser. */
export function threadpoolSize(argv: readonly string[], cpus: number): number {
  let size = BASE;
  let pools = 0;
  let single: string | undefined;
  let concurrency: string | undefined;
  argv.forEach((word, index) => {
    const [flag = "", attached] = word.split(/=(.*)/s, 2);
    const value = attached ?? argv[index + 1];
    if (flag === "--pool" && value !== undefined) {
      const [, kind = "", count] = /=([^:]+)(?::(.+))?$/.exec(attached ?? value) ?? [];
      size += wanted(kind, count, cpus);
      pools += 1;
    } else if (flag === "-P" || flag === "--pool-kind") single = value;
    else if (flag === "-c" || flag === "--concurrency") concurrency = value;
  });
  if (single !== undefined) return Math.min(MOST, size + wanted(single, concurrency, cpus));
  return Math.min(MOST, pools === 0 ? size + PER_EVENT_POOL : size);
}
