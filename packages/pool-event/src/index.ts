export { type EventPoolOptions, eventPool } from "./event-pool.ts";
