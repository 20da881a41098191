export { type ProcessPoolOptions, processPool } from "./process-pool.ts";
