/** The server becomes a newer one under its data and its clients. Needs two versions on the path. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type ProxyTarget, tcpProxy } from "@lovage/conformance";
import { eventually } from "@lovage/core/testing";
import { startNats } from "@lovage/services";
import { describe, expect, it } from "vitest";
import { natsBroker, natsResults } from "../src/index.ts";
import { atLeastVersion, featuresOf, parseVersion, type Version } from "../src/nats-versions.ts";
import { withStreams } from "./harness.ts";
import { ack, Collected, message } from "./support.ts";

const PATIENCE = { timeoutMs: 30_000 };

interface Program {
  readonly path: string;
  readonly version: Version;
}

/** Oldest first. */
function programs(): readonly Program[] {
  const paths = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "nats-server"));
  const found = paths.filter(existsSync).flatMap((path) => {
    const version = parseVersion(/v[\d.]+/.exec(execFileSync(path, ["--version"]).toString())?.[0] ?? "");
    return version === undefined ? [] : [{ path, version }];
  });
  return found.sort((a, b) => (atLeastVersion(a.version, b.version) ? 1 : -1));
}

const all = programs();
const [older, newer] = [all.at(0), all.at(-1)];
const two = older !== undefined && newer !== undefined && !atLeastVersion(older.version, newer.version);

describe.skipIf(!two)("a server that becomes a newer one", () => {
  it("loses, doubles and hurries nothing, and keeps schedules for queues that are declared again", async () => {
    const before = await startNats([], { path: older?.path as string });
    const target = { port: before.port } satisfies ProxyTarget;
    await using proxy = await tcpProxy(target);
    const access = { servers: `nats://127.0.0.1:${proxy.port}`, heartbeatMs: 1_000 };
    await using worker = natsBroker(access);
    await using results = natsResults(access);
    await using producer = natsBroker(access);
    await Promise.all([worker.connect(), results.connect(), producer.connect()]);
    for (const name of ["work", "idle"]) await producer.ensureQueue({ name, leaseMs: 30_000 });
    await using banded = natsBroker({ ...access, bands: 3 });
    await banded.connect();
    await banded.ensureQueue({ name: "banded", leaseMs: 30_000 });

    await producer.pause("idle");
    await results.write([{ id: "r-1", task: "t", state: "succeeded", final: true, attempt: 1, value: "7" }]);
    const inbox = new Collected();
    const consumption = await worker.consume({ queue: "work", credit: 2 }, inbox.receive);
    await producer.publish([message("work", "held"), message("work", "dead")]);
    const [held, dead] = [await inbox.next(), await inbox.next()];
    expect(await dead.deadLetter({ code: "failed" })).toBe("done");
    consumption.setCredit(0);
    const due = new Map<string, number>();
    const dueAt = Date.now() + 1_000;
    const delayed = Array.from({ length: 60 }, (_, index) => {
      due.set(`d-${index}`, dueAt + index * 100);
      return message("work", `d-${index}`, { dueAt: dueAt + index * 100 });
    });
    const ready = Array.from({ length: 100 }, (_, index) => message("work", `r-${index}`));
    const prior = Array.from({ length: 30 }, (_, index) => message("banded", `b-${index}`, { priority: index % 10 }));
    const later = ["l-0", "l-1"].map((id) => message("work", id, { dueAt: dueAt + 3_600_000 }));
    for (const { status } of await producer.publish([...delayed, ...ready, ...prior, ...later])) {
      expect(status).toBe("accepted");
    }

    await before.process.stop();
    await using after = await startNats([], { path: newer?.path as string, folder: before.folder });
    target.port = after.port;

    // Both were connected before; one of them still holds what it was given.
    const seen: string[] = [];
    const early: string[] = [];
    expect(await held.ack()).toBe("done");
    await consumption.stop();
    const receive: Parameters<typeof worker.consume>[1] = (batch) => {
      for (const delivery of batch) {
        const { id } = delivery.message;
        seen.push(id);
        if (Date.now() < (due.get(id) ?? 0)) early.push(id);
        ack(delivery);
      }
    };
    await worker.consume({ queue: "work", credit: 20 }, receive);
    await worker.consume({ queue: "banded", credit: 5 }, receive);
    await using late = natsBroker({ ...access, bands: 1 });
    await late.connect({ signal: AbortSignal.timeout(10_000) });
    for (const name of ["work", "banded"]) await late.ensureQueue({ name, leaseMs: 30_000 });
    // Who was connected before takes nothing back.
    await producer.ensureQueue({ name: "work", leaseMs: 30_000 });
    const soon = Date.now() + 500;
    due.set("new", soon);
    expect(await late.publish([message("work", "new", { dueAt: soon })])).toMatchObject([{ status: "accepted" }]);
    const config = await withStreams(
      { servers: after.url },
      async (streams) => (await streams.info("lovage-q-work"))?.config,
    );
    expect(config?.allow_msg_schedules ?? false).toBe(featuresOf(newer?.version as Version).schedules);

    const expected = [...delayed, ...ready, ...prior].map(({ id }) => id).concat("new");
    await eventually("all to come", () => new Set(seen).size >= expected.length, PATIENCE);
    await eventually(
      "nothing but what is due later to be left",
      async () => {
        const [work, other] = await Promise.all([late.depth("work"), late.depth("banded")]);
        return work.ready === 0 && work.owned === 0 && work.delayed === 2 && other.ready === 0 && other.owned === 0;
      },
      PATIENCE,
    );
    expect([...seen].sort()).toEqual([...expected].sort());
    expect(early).toEqual([]);
    expect(await late.revoke(["l-0", "l-1"])).toMatchObject([{ status: "removed" }, { status: "removed" }]);
    expect((await late.deadLetters("work")).map(({ id }) => id)).toEqual(["dead"]);
    expect(await late.depth("idle")).toMatchObject({ paused: true });
    expect((await results.read(["r-1"]))[0]).toMatchObject({ state: "succeeded", value: "7" });
  }, 90_000);
});
