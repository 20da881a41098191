import { memoryResults, memoryServer } from "@lovage/core/memory";
import { describeBroker, describeControlChannel, describeResultStore } from "../src/vitest.ts";
import { memoryHarness } from "./memory-harness.ts";

describeBroker(memoryHarness());
describeControlChannel(memoryHarness());

const records = memoryServer();
describeResultStore({ name: "memory", create: () => memoryResults({ server: records }) });
