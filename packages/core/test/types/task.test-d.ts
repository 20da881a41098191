import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expectTypeOf, it } from "vitest";
import type { OutgoingMessage } from "../../src/contracts/index.ts";
import { createApp, type NotJson, type RunHandle, task, taskRef } from "../../src/index.ts";

interface Order {
  readonly id: string;
  readonly lines: readonly { readonly sku: string; readonly count: number; readonly note?: string }[];
  readonly address: { readonly street: string; readonly zip: string | null };
}

type Tree = { value: number; children: Tree[] };

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  plus(other: Money): Money {
    return new Money(this.cents + other.cents);
  }
}

declare function schema<In, Out>(): StandardSchemaV1<In, Out>;

const thumbnail = task("images.thumbnail", async (path: string, width = 64): Promise<string> => `${path}@${width}`);
const sync = task("math.add", (a: number, b: number) => a + b);

describe("a task", () => {
  it("is called like its function", () => {
    expectTypeOf(thumbnail("a.png")).toEqualTypeOf<Promise<string>>();
    expectTypeOf(thumbnail("a.png", 32)).toEqualTypeOf<Promise<string>>();
    expectTypeOf(sync(1, 2)).toEqualTypeOf<number>();
    // @ts-expect-error a path is needed
    void thumbnail();
  });

  it("is enqueued with the same arguments, and its handle gives the awaited result", () => {
    expectTypeOf(thumbnail.enqueue("a.png", 32)).toEqualTypeOf<Promise<RunHandle<string>>>();
    expectTypeOf(thumbnail.enqueue("a.png")).toEqualTypeOf<Promise<RunHandle<string>>>();
    expectTypeOf(thumbnail.enqueue("a.png", undefined)).toEqualTypeOf<Promise<RunHandle<string>>>();
    expectTypeOf(sync.enqueue(1, 2)).resolves.toEqualTypeOf<RunHandle<number>>();
    expectTypeOf<RunHandle<number>["result"]>().returns.resolves.toBeNumber();
    expectTypeOf(thumbnail.message("a.png")).toEqualTypeOf<OutgoingMessage>();
  });

  it("refuses wrong arity and wrong types at the call", () => {
    // @ts-expect-error a path is needed
    void thumbnail.enqueue();
    // @ts-expect-error the width is a number
    void thumbnail.enqueue("a.png", "32");
    // @ts-expect-error there is no third parameter
    void thumbnail.enqueue("a.png", 32, true);
    // @ts-expect-error both numbers are needed
    void sync.enqueue(1);
    // @ts-expect-error no trailing options: they go through with()
    void sync.enqueue(1, 2, { delay: "5m" });
  });

  it("takes rest parameters and no parameters", () => {
    const join = task("text.join", (separator: string, ...parts: string[]) => parts.join(separator));
    const ping = task("ping", () => {});
    void join.enqueue("-", "a", "b", "c");
    void join.enqueue("-");
    // @ts-expect-error parts are strings
    void join.enqueue("-", 1);
    expectTypeOf(ping.enqueue()).resolves.toEqualTypeOf<RunHandle<void>>();
    // @ts-expect-error it takes nothing
    void ping.enqueue(1);
  });

  it("keeps overloads, each with its own result", () => {
    function size(file: string): string;
    function size(width: number, height: number): number;
    function size(first: string | number, second?: number): string | number {
      return typeof first === "string" ? first : first * (second ?? 1);
    }
    const sized = task("images.size", size);
    expectTypeOf(sized("a")).toBeString();
    expectTypeOf(sized(1, 2)).toBeNumber();
    expectTypeOf(sized.enqueue("a")).resolves.toEqualTypeOf<RunHandle<string>>();
    expectTypeOf(sized.enqueue(1, 2)).resolves.toEqualTypeOf<RunHandle<number>>();
    expectTypeOf(sized.enqueueMany([["a"], ["b"]])).resolves.toEqualTypeOf<RunHandle<string>[]>();
    // @ts-expect-error a number alone fits no overload
    void sized.enqueue(1);
  });

  it("keeps generics for plain calls, and takes their constraint when enqueued", () => {
    const first = task("lists.first", <T extends string | number>(items: T[]) => items[0]);
    expectTypeOf(first(["a"])).toEqualTypeOf<string | undefined>();
    void first.enqueue(["a", 1]);
    // @ts-expect-error outside the constraint
    void first.enqueue([true]);
  });

  it("enqueues many calls at once, each checked", () => {
    expectTypeOf(thumbnail.enqueueMany([["a.png"], ["b.png", 32]])).resolves.toEqualTypeOf<RunHandle<string>[]>();
    const calls: [string, number][] = [["a", 1]];
    void thumbnail.enqueueMany(calls);
    // @ts-expect-error calls are lists of arguments
    void thumbnail.enqueueMany(["a.png"]);
    // @ts-expect-error the second call has a wrong type
    void thumbnail.enqueueMany([["a.png"], [7]]);
  });

  it("takes options through with()", () => {
    void thumbnail.with({ delay: "5m", priority: 7, queue: "cpu", expires: 60_000, result: false }).enqueue("a.png");
    void thumbnail.with({ at: new Date(), retry: { attempts: 3, delay: "1s" }, limits: { soft: "20s" } }).message("a");
    void thumbnail.with({ headers: { "shop.order": 17 }, result: { ttl: "1d" } }).enqueueMany([["a.png"]]);
    // @ts-expect-error not a duration
    thumbnail.with({ delay: "five minutes" });
    // @ts-expect-error no such option
    thumbnail.with({ countdown: 5 });
    // @ts-expect-error functions do not travel
    thumbnail.with({ retry: { attempts: 3, on: () => true } });
    // @ts-expect-error options do not replace arguments
    void thumbnail.with({ delay: "5m" }).enqueue();
  });
});

describe("arguments that JSON cannot carry", () => {
  it("are refused at the call", () => {
    const byDate = task("a", (_when: Date) => 1);
    const byMap = task("b", (_map: Map<string, number>) => 1);
    const bySet = task("c", (_set: Set<string>) => 1);
    const byBigint = task("d", (_big: bigint) => 1);
    const bySymbol = task("e", (_symbol: symbol) => 1);
    const byFunction = task("f", (_fn: () => void) => 1);
    const byBuffer = task("g", (_buffer: Buffer) => 1);
    const byClass = task("h", (_money: Money) => 1);
    const nested = task("i", (_order: { lines: { at: Date }[] }) => 1);
    const holes = task("j", (_list: (string | undefined)[]) => 1);
    // @ts-expect-error a Date arrives as text
    void byDate.enqueue(new Date());
    // @ts-expect-error a Map arrives empty
    void byMap.enqueue(new Map());
    // @ts-expect-error a Set arrives empty
    void bySet.enqueue(new Set());
    // @ts-expect-error JSON has no bigint
    void byBigint.enqueue(1n);
    // @ts-expect-error JSON has no symbols
    void bySymbol.enqueue(Symbol("s"));
    // @ts-expect-error JSON has no functions
    void byFunction.enqueue(() => {});
    // @ts-expect-error binary data arrives as something else
    void byBuffer.enqueue(Buffer.from(""));
    // @ts-expect-error methods do not travel
    void byClass.enqueue(new Money(1));
    // @ts-expect-error however deep it lies
    void nested.enqueue({ lines: [{ at: new Date() }] });
    // @ts-expect-error undefined in an array arrives as null
    void holes.enqueue([undefined]);
    expectTypeOf<Parameters<typeof byMap.enqueue>[0]>().toExtend<NotJson<string>>();
  });

  it("may be optional parameters that callers leave out", () => {
    const injected = task(
      "users.sync",
      (_id: string, _fetchUser: (id: string) => Promise<unknown> = async () => 1) => 1,
    );
    void injected.enqueue("7");
    // @ts-expect-error but they cannot be sent
    void injected.enqueue("7", async () => 1);
  });
});

describe("arguments that JSON can carry", () => {
  it("may be interfaces, unions, recursive types, readonly and optional members", () => {
    const ship = task("orders.ship", (_order: Order, _how?: "fast" | "cheap", _tags: readonly string[] = []) => 1);
    const order: Order = { id: "1", lines: [{ sku: "a", count: 2 }], address: { street: "x", zip: null } };
    void ship.enqueue(order);
    void ship.enqueue(order, "fast", ["a"] as const);
    const walk = task("trees.walk", (_tree: Tree) => 1);
    void walk.enqueue({ value: 1, children: [{ value: 2, children: [] }] });
    const mapped = task("maps", (_counts: Record<string, number>, _pair: [string, number?]) => 1);
    void mapped.enqueue({ a: 1 }, ["a"]);
    const maybe = task("maybe", (_a: string | undefined, _b: { c: number | undefined }) => 1);
    void maybe.enqueue("a", { c: undefined });
    // biome-ignore lint/suspicious/noExplicitAny: that any passes is the point
    const loose = task("loose", (_a: any, _b: unknown) => 1);
    void loose.enqueue(1, 2);
    // @ts-expect-error a member is missing
    void ship.enqueue({ id: "1" });
  });

  it("give results that say what does not come back", () => {
    const now = task("now", async () => new Date());
    const text = task("text", async () => new Date().toISOString());
    expectTypeOf(text.enqueue()).resolves.toEqualTypeOf<RunHandle<string>>();
    expectTypeOf(now.enqueue()).resolves.not.toEqualTypeOf<RunHandle<Date>>();
    expectTypeOf(now()).resolves.toEqualTypeOf<Date>();
  });
});

describe("a schema", () => {
  it("gives the function its output, and callers of enqueue its input", () => {
    const resize = task("resize", (path, width) => `${path.toUpperCase()} ${width.toFixed()}`, {
      queue: "cpu",
      schema: { args: schema<[path: string, width?: string], [string, number]>() },
    });
    void resize.enqueue("a.png");
    void resize.enqueue("a.png", "64");
    expectTypeOf(resize("a.png", 64)).toBeString();
    expectTypeOf(resize.enqueue("a.png")).resolves.toEqualTypeOf<RunHandle<string>>();
    // @ts-expect-error the input is text
    void resize.enqueue("a.png", 64);
    // @ts-expect-error the output is a number
    void resize("a.png", "64");
  });

  it("refuses a function that does not take its output", () => {
    task(
      "resize",
      // @ts-expect-error the schema gives a number
      (_width: string) => 1,
      { schema: { args: schema<[string], [number]>() } },
    );
  });

  it("of the return value checks what the function returns, and types the result", () => {
    const count = task("count", async (text: string) => text.length, { schema: { returns: schema<number, string>() } });
    expectTypeOf(count.enqueue("a")).resolves.toEqualTypeOf<RunHandle<string>>();
    expectTypeOf(count("a")).resolves.toBeNumber();
    // @ts-expect-error the function returns text
    task("count", async (text: string) => text, { schema: { returns: schema<number, number>() } });
  });

  it("of arguments lets a Date be the output of a text", () => {
    const at = task("at", (when) => when.getTime(), { schema: { args: schema<[string], [Date]>() } });
    void at.enqueue("2026-01-01");
    expectTypeOf(at(new Date())).toBeNumber();
  });
});

describe("a reference", () => {
  const ref = taskRef<typeof thumbnail>("images.thumbnail", { queue: "cpu" });

  it("enqueues like its task", () => {
    expectTypeOf(ref.enqueue("a.png", 32)).resolves.toEqualTypeOf<RunHandle<string>>();
    expectTypeOf(ref.with({ delay: "1s" }).enqueue("a.png")).resolves.toEqualTypeOf<RunHandle<string>>();
    // @ts-expect-error the width is a number
    void ref.enqueue("a.png", "32");
  });

  it("may be typed by a function alone, for tasks that no module here defines", () => {
    const far = taskRef<(id: string, times?: number) => Promise<boolean>>("elsewhere.sync");
    expectTypeOf(far.enqueue("7")).resolves.toEqualTypeOf<RunHandle<boolean>>();
    // @ts-expect-error the id is text
    void far.enqueue(7);
  });

  it("cannot be called", () => {
    // @ts-expect-error it has no function
    void ref("a.png");
  });

  it("is listed by an app like a task", () => {
    const app = createApp({ tasks: [ref, sync] });
    expectTypeOf(app.task(ref).enqueue("a.png")).resolves.toEqualTypeOf<RunHandle<string>>();
    expectTypeOf(app.task(sync).enqueue(1, 2)).resolves.toEqualTypeOf<RunHandle<number>>();
    expectTypeOf(app.enqueue("any.name", [1])).resolves.toEqualTypeOf<RunHandle<unknown>>();
    // @ts-expect-error a plain function is no task
    createApp({ tasks: [(a: number) => a] });
    // @ts-expect-error no such option
    createApp({ tasks: [], concurrency: 5 });
  });
});

describe("options of a task", () => {
  it("are checked", () => {
    task("a", () => 1, { retry: 5, limits: { soft: "20s", hard: 30_000 }, priority: 9, aliases: ["b"], result: false });
    // @ts-expect-error no such option
    task("a", () => 1, { retries: 5 });
    // @ts-expect-error not a duration
    task("a", () => 1, { expires: "soon" });
  });
});
