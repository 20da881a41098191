import { memoryResults, memoryServer } from "@lovage/core/memory";
import { memoryHarness } from "../src/saboteurs/index.ts";
import { type Callers, MemoryReplies } from "../src/saboteurs/reference-replies.ts";
import { describeBroker, describeControlChannel, describeResultStore } from "../src/vitest.ts";

describeBroker(memoryHarness());
describeControlChannel(memoryHarness());

const records = memoryServer();
describeResultStore({ name: "memory", create: () => memoryResults({ server: records }) });

const callers: Callers = new Map();
describeResultStore({ name: "memory replies", create: () => new MemoryReplies(callers) });
