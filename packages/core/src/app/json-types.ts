/** What JSON can carry, as types: the compiler refuses at the call what the codec would refuse at run time. */

/** Shown in place of a type that JSON cannot carry. Nothing can be assigned to it. */
export interface NotJson<Why extends string> {
  readonly "JSON cannot carry this": Why;
  readonly [brand]: never;
}
declare const brand: unique symbol;

type Builtin =
  | ((...args: never[]) => unknown)
  | (abstract new (
      ...args: never[]
    ) => unknown)
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakKey_
  | ArrayBuffer
  | ArrayBufferView
  | Promise<unknown>
  | RegExp
  | Error;
type WeakKey_ = WeakMap<WeakKey, unknown> | WeakSet<WeakKey>;

type IsAny<T> = 0 extends 1 & T ? true : false;

/**
 * `T` if JSON can carry it, with {@link NotJson} in place of what it cannot. Optional properties may be absent or undefined (they are
 * left out); elements of arrays may not. A type with `toJSON()` passes when what `toJSON` gives fits the type itself, so that what
 * arrives is what was declared. `any` and `unknown` pass here and are checked at run time.
 */
export type Json<T> =
  IsAny<T> extends true
    ? T
    : unknown extends T
      ? T
      : T extends string | number | boolean | null | undefined
        ? T
        : T extends bigint
          ? NotJson<"a bigint: send a string">
          : T extends symbol
            ? NotJson<"a symbol">
            : T extends Date
              ? NotJson<"a Date: send toISOString() or getTime()">
              : T extends Builtin
                ? NotJson<"a function, class, Map, Set, binary data, Promise, RegExp or Error: send plain data">
                : T extends { toJSON(...args: never[]): infer J }
                  ? J extends T
                    ? T
                    : NotJson<"its toJSON() gives another type: send that">
                  : T extends readonly unknown[]
                    ? { [K in keyof T]: JsonElement<T[K]> }
                    : { [K in keyof T]: Json<T[K]> };

type JsonElement<T> = T extends undefined
  ? unknown extends T
    ? T
    : NotJson<"undefined in an array: send null">
  : Json<T>;

/** The arguments of a call, each as {@link Json}; names, optional and rest parameters stay what they are. */
export type JsonArgs<A extends readonly unknown[]> = { [K in keyof A]: Json<A[K]> };
