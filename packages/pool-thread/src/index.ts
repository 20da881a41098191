export { type ThreadPoolOptions, threadPool } from "./thread-pool.ts";
