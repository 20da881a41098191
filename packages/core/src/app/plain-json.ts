/** Whether a value survives JSON. The first function is fast and says only no; the second finds out why, or makes the copy that does. */

import { NotSerializableError } from "../contracts/errors.ts";

const MAX_DEPTH = 500;

/** True when `JSON.stringify(value)` carries all of it as it is. False is not final: ask {@link plainCopy}. */
export function isPlainJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlainJson(value[i], depth + 1)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key];
    if (property !== undefined && !isPlainJson(property, depth + 1)) return false;
  }
  return true;
}

/** A copy with `toJSON` applied. Throws `NotSerializableError` with the path of the first value that JSON cannot carry. */
export function plainCopy(value: unknown, path: string): unknown {
  return copy(value, path, "", []);
}

function copy(value: unknown, path: string, key: string, ancestors: readonly object[]): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new NotSerializableError(path, String(value));
      return value;
    case "bigint":
      throw new NotSerializableError(path, "a bigint");
    case "undefined":
      throw new NotSerializableError(path, "undefined");
    case "function":
      throw new NotSerializableError(path, "a function");
    case "symbol":
      throw new NotSerializableError(path, "a symbol");
    default:
      return value === null ? null : copyObject(value as object, path, key, ancestors);
  }
}

function copyObject(value: object, path: string, key: string, ancestors: readonly object[]): unknown {
  if (ancestors.includes(value)) throw new NotSerializableError(path, "a reference back to what contains it");
  if (ancestors.length > MAX_DEPTH) throw new NotSerializableError(path, `nested deeper than ${MAX_DEPTH} levels`);
  const within = [...ancestors, value];
  if (Array.isArray(value)) return Array.from(value, (item, i) => copy(item, `${path}[${i}]`, String(i), within));
  const unfit = describeUnfit(value);
  if (unfit !== undefined) throw new NotSerializableError(path, unfit);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return copy(Reflect.apply(toJSON, value, [key]), path, key, within);
  if (!isPlainObject(value)) throw new NotSerializableError(path, `an instance of ${className(value)}`);
  const result: Record<string, unknown> = Object.create(null);
  for (const [name, property] of Object.entries(value)) {
    if (property !== undefined) result[name] = copy(property, member(path, name), name, within);
  }
  return result;
}

/** Built-in kinds whose `toJSON`, if any, would give the receiver something else than was sent. */
function describeUnfit(value: object): string | undefined {
  if (value instanceof Date) return "a Date (send toISOString() or getTime())";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return "binary data (send base64 text or a reference)";
  return undefined;
}

/** Of any realm: its prototype is none, or one without a prototype of its own. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function className(value: object): string {
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === "string" && name !== "" ? name : "a class";
}

function member(path: string, name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}
