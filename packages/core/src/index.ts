export * from "./app/index.ts";
export * from "./contracts/index.ts";
