import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { WorkerIdentity } from "../contracts/index.ts";

/** `host-pid-xxxx` unless named. The suffix tells two workers of one process, or a reused pid, apart. */
export function workerIdentity(name: string | undefined, version: string | undefined): WorkerIdentity {
  const host = hostname();
  const id = name ?? `${host}-${process.pid}-${randomBytes(2).toString("hex")}`;
  return { id, host, pid: process.pid, startedAt: Date.now(), version: version ?? "0" };
}
