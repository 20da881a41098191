/** `@lovage/core/testing`: what tests of workers, pools and brokers need, without sleeps and without mocks. */
export { type EventLog, type EventSource, eventLog } from "./event-log.ts";
export { eventually } from "./eventually.ts";
export { type ManualClock, manualClock } from "./manual-clock.ts";
export { type InlineOptions, type InlineRun, runInline } from "./run-inline.ts";
export type { SleepState } from "./sleep.ts";
export { type SleepyBroker, type SleepyBrokerOptions, sleepyBroker } from "./sleepy-broker.ts";
