import { DatabaseSync } from "node:sqlite";
import type { Delivery } from "@lovage/core/contracts";
import { afterEach, expect, it } from "vitest";
import { sqliteBroker } from "../src/index.ts";
import { temporaryFile } from "./temporary.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

it("lets those who live renew first when nobody could write for longer than a lease", async () => {
  const path = temporaryFile();
  const holder = sqliteBroker(path);
  const rival = sqliteBroker(path);
  for (const broker of [holder, rival]) {
    await broker.connect();
    closing.push(() => broker.close());
  }
  await holder.ensureQueue({ name: "q", leaseMs: 1_000 });
  const taken = Promise.withResolvers<Delivery>();
  await holder.consume({ queue: "q", credit: 1 }, ([delivery]) => taken.resolve(delivery as Delivery));
  await holder.publish([{ id: "one", queue: "q", headers: { task: "t" }, body: "[]", priority: 5 }]);
  const delivery = await taken.promise;
  const stolen: Delivery[] = [];
  await rival.consume({ queue: "q", credit: 1 }, (batch) => stolen.push(...batch));

  const locker = new DatabaseSync(path);
  closing.push(() => locker.close());
  locker.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
  const renewing = delivery.renew();
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  locker.exec("ROLLBACK");
  expect(await renewing).toBe("done");
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await delivery.renew()).toBe("done");
  }
  expect(stolen).toEqual([]);
  expect(await delivery.ack()).toBe("done");
});
