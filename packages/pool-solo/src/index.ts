export { type SoloPoolOptions, soloPool } from "./solo-pool.ts";
