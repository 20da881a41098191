/** The processor that BullMQ's threads and processes are given. */

export default async function noop(): Promise<void> {}
