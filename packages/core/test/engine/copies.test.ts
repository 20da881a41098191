/** Two messages of one id, as a broker that does not recognise duplicates may hold after a publish whose answer was lost. */

import { afterEach, describe, expect, it } from "vitest";
import type { Broker, Delivery } from "../../src/contracts/index.ts";
import { type MemoryServer, memoryBroker, memoryServer } from "../../src/memory/index.ts";
import { type Harness, harness } from "./harness.ts";
import { limited, wrap } from "./wrapped-broker.ts";

const open: Harness[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ worker }) => worker.stop({ graceMs: 0 })));
});

/** A message with the header `copyOf` is delivered under that id. */
function duplicating(inner: Broker): Broker {
  return wrap(inner, (delivery) => {
    const { message } = delivery;
    const id = message.headers.copyOf;
    if (typeof id !== "string") return delivery;
    return new Proxy(delivery, {
      get(target: Delivery, key) {
        if (key === "message") return { ...message, id };
        const value = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  });
}

async function twoCopies({ fenced = true } = {}): Promise<Harness & { readonly server: MemoryServer }> {
  const server = memoryServer();
  const broker = limited(duplicating(memoryBroker({ server })), { fenced });
  const made = await harness({ slots: 3, broker, task: { retry: { attempts: 2 } } });
  open.push(made);
  const [id] = (await made.send(1)) as [string];
  await made.pool.nth(0);
  await made.send(1, { headers: { copyOf: id } });
  expect(await made.next("task-adopted")).toMatchObject({ id });
  return { ...made, server };
}

describe("a second copy of a message that runs", () => {
  it("is not begun, and ends with the first", async () => {
    const { pool, broker, worker } = await twoCopies();
    (await pool.nth(0)).returns();
    await worker.drained();
    expect(pool.runs).toHaveLength(1);
    expect(await broker.depth("io")).toMatchObject({ ready: 0, owned: 0, dead: 0, delayed: 0 });
  });

  it("leaves one message for the next attempt", async () => {
    const { pool, broker, next } = await twoCopies();
    (await pool.nth(0)).throws();
    await next("task-retried");
    await expect.poll(() => broker.depth("io")).toMatchObject({ ready: 0, owned: 0, dead: 0, delayed: 1 });
  });

  it("is not acked for a message that is back, where that might be the same and nothing is fenced", async () => {
    const { pool, next } = await twoCopies({ fenced: false });
    (await pool.nth(0)).throws();
    await next("task-retried");
    expect((await pool.nth(1)).request.attempt).toBe(1);
  });

  it("is given back with it when the worker stops", async () => {
    const { worker, server } = await twoCopies();
    await worker.stop({ graceMs: 0 });
    await using look = memoryBroker({ server });
    await look.connect();
    expect(await look.depth("io")).toMatchObject({ ready: 2, owned: 0 });
  });
});
