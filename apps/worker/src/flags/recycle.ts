import { ConfigurationError, type RecycleOptions } from "@lovage/core/contracts";
import { parseByteSize } from "./byte-size.ts";
import { parseDuration } from "./duration.ts";
import { parseWholeNumber } from "./whole-number.ts";

/** `tasks=1000,memory=512mb,age=1h,idle=60s`, each part optional. */
export function parseRecycle(text: string, flag = "--recycle"): RecycleOptions {
  const options: { -readonly [K in keyof RecycleOptions]: RecycleOptions[K] } = {};
  for (const part of text.split(",")) {
    const [key = "", value = ""] = part.split("=", 2).map((side) => side.trim());
    const name = `${flag} ${key}`;
    if (key === "tasks") options.tasks = parseWholeNumber(value, name, { min: 1 });
    else if (key === "memory") options.memory = parseByteSize(value, name);
    else if (key === "age") options.age = parseDuration(value, name);
    else if (key === "idle") options.idle = parseDuration(value, name);
    else {
      throw new ConfigurationError(
        `${flag}: "${part}" is not understood; write tasks=1000,memory=512mb,age=1h,idle=60s (any of the four)`,
      );
    }
  }
  return options;
}
