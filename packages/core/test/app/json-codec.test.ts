import { describe, expect, it } from "vitest";
import { jsonCodec } from "../../src/app/json-codec.ts";

const encode = (...args: unknown[]) => jsonCodec.encodeCall({ args }).body;
const decode = (body: string | Uint8Array) => jsonCodec.decodeCall(body, { task: "t" });

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}

class Point {
  toJSON(): unknown {
    return { x: 1, skipped: undefined };
  }
}

describe("the JSON codec", () => {
  it("writes the arguments, and kwargs and embed only when there are any", () => {
    expect(encode("a", 1, { b: [true, null] })).toBe('[["a",1,{"b":[true,null]}]]');
    expect(encode()).toBe("[[]]");
    expect(jsonCodec.encodeCall({ args: [1], embed: { chain: null } }).body).toBe('[[1],{},{"chain":null}]');
  });

  it("brings back what it wrote, unknown members of embed included", () => {
    const call = { args: [1, { a: "ü" }], kwargs: { k: 1 }, embed: { later: { x: [1] } } };
    expect(decode(jsonCodec.encodeCall(call).body as string)).toEqual(call);
    expect(decode(Buffer.from('[["ü"]]'))).toEqual({ args: ["ü"] });
    expect(decode("[[1],null,null]")).toEqual({ args: [1] });
  });

  it("leaves out undefined properties and trailing undefined arguments", () => {
    expect(encode({ a: undefined, b: 1 }, undefined, undefined)).toBe('[[{"b":1}]]');
  });

  const circle: { self?: unknown } = {};
  circle.self = circle;
  let deep: unknown = 1;
  for (let i = 0; i < 600; i++) deep = [deep];

  it.each([
    ["undefined before a given argument", [undefined, 1], "args[0]", "undefined"],
    ["undefined in an array", [[1, undefined]], "args[0][1]", "undefined"],
    ["a hole in an array", [new Array(1)], "args[0][0]", "undefined"],
    ["a function", [{ run: () => 1 }], "args[0].run", "a function"],
    ["a symbol", [Symbol("s")], "args[0]", "a symbol"],
    ["a bigint", [{ a: { "b-c": 1n } }], 'args[0].a["b-c"]', "a bigint"],
    ["NaN", ["x", Number.NaN], "args[1]", "NaN"],
    ["infinity", [-Infinity], "args[0]", "-Infinity"],
    ["a Date", ["x", { when: new Date() }], "args[1].when", "a Date"],
    ["a Map", [new Map()], "args[0]", "an instance of Map"],
    ["a Set", [new Set()], "args[0]", "an instance of Set"],
    ["a RegExp", [/x/], "args[0]", "an instance of RegExp"],
    ["an Error", [new TypeError("x")], "args[0]", "an instance of TypeError"],
    ["a Buffer", [Buffer.from("x")], "args[0]", "binary data"],
    ["a typed array", [new Float64Array(1)], "args[0]", "binary data"],
    ["an instance of a class", [new Money(1)], "args[0]", "an instance of Money"],
    ["a boxed number", [Object(1)], "args[0]", "an instance of Number"],
    ["a cycle", [circle], "args[0].self", "a reference back"],
    ["a promise", [Promise.resolve()], "args[0]", "an instance of Promise"],
  ])("refuses %s and names its path", (_, args, path, what) => {
    expect(() => encode(...args)).toThrow(
      expect.objectContaining({
        code: "NOT_SERIALIZABLE",
        subject: { path },
        message: expect.stringContaining(`${path} is ${what}`),
      }),
    );
  });

  it("refuses nesting that a reader could not take", () => {
    expect(() => encode(deep)).toThrow(/nested deeper than 500 levels/);
  });

  it("takes the same object twice, objects without a prototype and __proto__ as a name", () => {
    const shared = { a: 1 };
    expect(encode(shared, [shared])).toBe('[[{"a":1},[{"a":1}]]]');
    const bare = Object.assign(Object.create(null), { a: 1 });
    expect(encode(bare)).toBe('[[{"a":1}]]');
    const named = JSON.parse('{"__proto__":{"x":1},"p":0}');
    expect(encode(named, new Point())).toBe('[[{"__proto__":{"x":1},"p":0},{"x":1}]]');
  });

  it("replaces what has a toJSON of its own by what that gives, and checks it", () => {
    expect(encode(new Point(), { at: new URL("http://x.y/") })).toBe('[[{"x":1},{"at":"http://x.y/"}]]');
    expect(() => encode({ toJSON: () => ({ bad: 1n }) })).toThrow(/args\[0\]\.bad is a bigint/);
  });

  it("names the place in a value", () => {
    expect(() => jsonCodec.encodeValue({ a: [Number.NaN] })).toThrow(/value\.a\[0\] is NaN/);
    expect(jsonCodec.decodeValue(jsonCodec.encodeValue({ a: 1 }))).toEqual({ a: 1 });
  });

  it.each(["", "secret{", '{"secret":1}', "[]", '["secret"]', "[[],1]", "[[],{},[]]", "[[],{},{},1]", "null"])(
    "refuses the body %j without quoting it",
    (body) => {
      expect(() => decode(body)).toThrow(
        expect.objectContaining({ code: "DECODE", message: expect.not.stringContaining("secret") }),
      );
    },
  );

  it("refuses bytes that are not UTF-8, rather than changing them", () => {
    expect(() => decode(Buffer.from([0x5b, 0x5b, 0x22, 0xff, 0x22, 0x5d, 0x5d]))).toThrow(/not UTF-8/);
  });
});
