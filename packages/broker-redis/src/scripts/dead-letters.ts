/** Dead letters: listed, redriven and dropped, in bounded steps. */

import { type Script, script } from "./script.ts";

/**
 * ARGV: most, id after which to begin or empty, ids to choose from or none. Answers `false` where there is no such queue, else for each: id, reason
 * (as in `reasons`), envelope. Oldest first. Removes those whose time is over.
 */
export const LIST_DEAD: Script = script(
  "list-dead",
  ["queue", "messages", "dead", "reasons"],
  `
if #ARGV < 2 then return redis.error_reply('ERR lovage list-dead: wrong number of arguments') end
local keep = call('HGET', queue, 'keep')
if not keep then return false end
local alive = now_us() - tonumber(keep) * 1000
local old = call('ZRANGEBYSCORE', dead, '-inf', '(' .. place_text(alive), 'LIMIT', 0, 1000)
if #old > 0 then
  call('ZREM', dead, unpack(old))
  call('HDEL', reasons, unpack(old))
  call('HDEL', messages, unpack(old))
end
local most, after = tonumber(ARGV[1]), ARGV[2]
local from = after ~= '' and call('ZSCORE', dead, after)
from = from and tonumber(from) or alive - 1
local ids = {}
if #ARGV == 2 then
  ids = call('ZRANGEBYSCORE', dead, '(' .. place_text(from), '+inf', 'LIMIT', 0, most)
else
  local found, seen = {}, {}
  for i = 3, #ARGV do
    local id = ARGV[i]
    local at = call('ZSCORE', dead, id)
    if at and tonumber(at) > from and not seen[id] then
      seen[id] = true
      found[#found + 1] = { tonumber(at), id }
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  for i = 1, math.min(most, #found) do ids[i] = found[i][2] end
end
local letters = {}
for i = 1, #ids do
  letters[#letters + 1] = ids[i]
  letters[#letters + 1] = call('HGET', reasons, ids[i]) or '0 0 {}'
  letters[#letters + 1] = call('HGET', messages, ids[i]) or ''
end
return letters
`,
);

/** ARGV: `id, envelope` of each. Those that are still dead are ready again with that envelope, at the end of their bands. Answers their number. */
export const REDRIVE: Script = script(
  "redrive",
  ["queue", "messages", "ready", "dead", "reasons", "revoked", "wake"],
  `
if #ARGV % 2 ~= 0 then return redis.error_reply('ERR lovage redrive: wrong number of arguments') end
local lease, clock, paused = unpack(call('HMGET', queue, 'lease', 'clock', 'paused'))
if not lease then return false end
local last = math.max(tonumber(clock or 0), now_us() - EPOCH_US - 1)
local count = 0
for i = 1, #ARGV, 2 do
  local id, envelope = ARGV[i], ARGV[i + 1]
  if call('ZREM', dead, id) == 1 then
    call('HDEL', reasons, id)
    call('ZREM', revoked, id)
    last = last + 1
    call('HSET', messages, id, envelope)
    call('ZADD', ready, place_text(BASE + (57 - string.byte(envelope)) * STRIDE + last), id)
    count = count + 1
  end
end
if count > 0 then
  call('HSET', queue, 'clock', place_text(last))
  if not paused then call('ZADD', wake, 0, '0') end
end
return count
`,
);

/** ARGV: ids. Answers `false` where there is no such queue, else how many are gone for good. */
export const DROP_DEAD: Script = script(
  "drop-dead",
  ["queue", "messages", "dead", "reasons"],
  `
if call('EXISTS', queue) == 0 then return false end
local count = 0
for i = 1, #ARGV do
  if call('ZREM', dead, ARGV[i]) == 1 then
    call('HDEL', reasons, ARGV[i])
    call('HDEL', messages, ARGV[i])
    count = count + 1
  end
end
return count
`,
);
