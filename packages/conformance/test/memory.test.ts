import { memoryResults, memoryServer } from "@lovage/core/memory";
import { memoryHarness } from "../src/saboteurs/index.ts";
import { describeBroker, describeControlChannel, describeResultStore } from "../src/vitest.ts";

describeBroker(memoryHarness());
describeControlChannel(memoryHarness());

const records = memoryServer();
describeResultStore({ name: "memory", create: () => memoryResults({ server: records }) });
