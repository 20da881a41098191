import { type Callers, MemoryReplies } from "../src/saboteurs/reference-replies.ts";
import { describeResultStore } from "../src/vitest.ts";

const callers: Callers = new Map();
describeResultStore({ name: "the reference store of replies", create: () => new MemoryReplies(callers) });
