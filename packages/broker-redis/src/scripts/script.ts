import { createHash } from "node:crypto";
import { BAND_STRIDE, EPOCH_MS, PLACE_BASE, type QueueKey } from "../redis-layout.ts";

/** A script for one queue: sent by its hash, and whole where the server does not know it yet. */
export interface Script {
  readonly name: string;
  readonly sha: string;
  readonly source: string;
  /** Which keys of the queue it is given, in this order. */
  readonly keys: readonly QueueKey[];
}

/**
 * In front of every script. Keys have their names from the list that the caller's are made of, so the two cannot disagree; a wrong number of
 * arguments is an error instead of a silent change of meaning. Time is the server's.
 */
const PRELUDE = `
local call = redis.call
local function now_us()
  local time = call('TIME')
  return time[1] * 1000000 + time[2]
end
local EPOCH_US, BASE, STRIDE = ${EPOCH_MS}000, ${PLACE_BASE}, ${BAND_STRIDE}
local function place_text(place) return string.format('%.0f', place) end
`;

/** `body` finds each key in a local of its name (`ready`, `leases` …), and `call`, `now_us()`, `EPOCH_US`, `BASE`, `STRIDE`, `place_text`. */
export function script(name: string, keys: readonly QueueKey[], body: string): Script {
  const source = `-- lovage ${name}
if #KEYS ~= ${keys.length} then return redis.error_reply('ERR lovage ${name}: ' .. #KEYS .. ' keys instead of ${keys.length}') end
local ${keys.join(", ")} = ${keys.map((_, index) => `KEYS[${index + 1}]`).join(", ")}
${PRELUDE}
${body.trim()}
`;
  return { name, keys, source, sha: createHash("sha1").update(source).digest("hex") };
}
