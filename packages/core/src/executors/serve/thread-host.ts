/** The thread as an executor's host. */

import { getHeapStatistics } from "node:v8";
import type { ExecutorHost } from "./serve.ts";

/** Memory is the heap and what it holds outside (buffers). In a thread, `process.exit` ends the thread alone. */
export const threadHost: ExecutorHost = {
  own: true,
  end: (code) => process.exit(code),
  memory: () => {
    const { used_heap_size, external_memory } = getHeapStatistics();
    return used_heap_size + external_memory;
  },
};
