export * from "./worker-types.ts";
