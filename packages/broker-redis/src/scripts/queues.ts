/** Declaring, looking into, pausing, emptying and destroying queues. Steps are bounded: others get their turn between them. */

import { type Script, script } from "./script.ts";

/**
 * Creates the queue or changes the settings given. ARGV: lease, dead, keep, each empty to leave as it is; then the defaults of a new queue in the same order; then,
 * for a new queue, when the last revocation is forgotten (0: there is none) and `until, id` of each.
 */
export const ENSURE: Script = script(
  "ensure",
  ["queue", "revoked", "wake"],
  `
if #ARGV < 7 or #ARGV % 2 ~= 1 then return redis.error_reply('ERR lovage ensure: wrong number of arguments') end
local is_new = call('EXISTS', queue) == 0
for i, field in ipairs({ 'lease', 'dead', 'keep' }) do
  local value = ARGV[i]
  if value == '' and is_new then value = ARGV[3 + i] end
  if value ~= '' and call('HGET', queue, field) ~= value then call('HSET', queue, field, value) end
end
if is_new and ARGV[7] ~= '0' then
  call('HSET', queue, 'revoked', ARGV[7])
  for i = 8, #ARGV, 2 do call('ZADD', revoked, ARGV[i], ARGV[i + 1]) end
end
return 1
`,
);

/** ARGV: session. Answers `false` where there is no such queue; else forgets sessions of which nothing was heard for a day. */
export const BEGIN: Script = script(
  "begin",
  ["queue", "sessions"],
  `
if call('EXISTS', queue) == 0 then return false end
local now = now_us()
local all = call('HGETALL', sessions)
for i = 1, #all, 2 do
  local at = string.match(all[i + 1], '^%d+ %d+ (%d+)')
  if not at or now - tonumber(at) > 86400000000 then call('HDEL', sessions, all[i]) end
end
return tonumber(call('HGET', queue, 'lease'))
`,
);

/** Answers `false` where there is no such queue, else ready, delayed, owned, dead, 1 when paused. */
export const DEPTH: Script = script(
  "depth",
  ["queue", "ready", "delayed", "leases", "dead"],
  `
local keep, paused = unpack(call('HMGET', queue, 'keep', 'paused'))
if not keep then return false end
local now = now_us()
local due = call('ZCOUNT', delayed, '-inf', math.floor(now / 1000) * 16 + 15)
return {
  call('ZCARD', ready) + due,
  call('ZCARD', delayed) - due,
  call('ZCARD', leases),
  call('ZCOUNT', dead, place_text(now - tonumber(keep) * 1000), '+inf'),
  paused and 1 or 0,
}
`,
);

/** Answers `false` where there is no such queue, else ms since the longest waiting message became ready, -1 when none waits. */
export const OLDEST: Script = script(
  "oldest",
  ["queue", "ready", "delayed"],
  `
if call('EXISTS', queue) == 0 then return false end
local now = now_us()
local oldest
for band = 0, 9 do
  local from = BASE + band * STRIDE
  local first = call('ZRANGEBYSCORE', ready, place_text(from), '(' .. place_text(from + STRIDE), 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then
    local since = tonumber(first[2]) - from + EPOCH_US
    if not oldest or since < oldest then oldest = since end
  end
end
local first = call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
if first[2] then
  local due = math.floor(tonumber(first[2]) / 16) * 1000
  if due <= now and (not oldest or due < oldest) then oldest = due end
end
if not oldest then return -1 end
return math.max(0, math.floor((now - oldest) / 1000))
`,
);

/** ARGV: 1 to pause, 0 to resume. Answers `false` where there is no such queue. */
export const PAUSE: Script = script(
  "pause",
  ["queue", "wake"],
  `
if #ARGV ~= 1 then return redis.error_reply('ERR lovage pause: wrong number of arguments') end
if call('EXISTS', queue) == 0 then return false end
if ARGV[1] == '1' then
  call('HSET', queue, 'paused', '1')
else
  call('HDEL', queue, 'paused')
  call('ZADD', wake, 0, '0')
end
return 1
`,
);

/** Somebody who took the sign that something may be ready cannot use it. Answers `false` where there is no such queue. */
export const WAKE: Script = script(
  "wake",
  ["queue", "wake"],
  `
if call('EXISTS', queue) == 0 then return false end
return call('ZADD', wake, 0, '0')
`,
);

/**
 * ARGV: ms for which it is remembered, ids. Answers `false` where there is no such queue, else for each id: 0 absent, 1 removed, 2 owned. What is
 * absent is not remembered yet.
 */
export const REVOKE: Script = script(
  "revoke",
  ["queue", "messages", "ready", "delayed", "states", "dead", "revoked"],
  `
local revoked_until = call('HMGET', queue, 'lease', 'revoked')
if not revoked_until[1] then return false end
local now = math.floor(now_us() / 1000)
call('ZREMRANGEBYSCORE', revoked, '-inf', now)
local till = now + tonumber(ARGV[1])
local answers, remembered = {}, false
for i = 2, #ARGV do
  local id = ARGV[i]
  local answer = 0
  if call('HEXISTS', messages, id) == 1 and not call('ZSCORE', dead, id) then
    if call('ZREM', ready, id) + call('ZREM', delayed, id) > 0 then
      call('HDEL', messages, id)
      call('HDEL', states, id)
      answer = 1
    else
      answer = 2
    end
    call('ZADD', revoked, till, id)
    remembered = true
  end
  answers[i - 1] = answer
end
if remembered then call('HSET', queue, 'revoked', till) end
return answers
`,
);

/** ARGV: ms for which they are remembered, ids that are nowhere. */
export const REMEMBER: Script = script(
  "remember",
  ["queue", "messages", "ready", "delayed", "states", "revoked"],
  `
if call('EXISTS', queue) == 0 then return false end
local till = math.floor(now_us() / 1000) + tonumber(ARGV[1])
for i = 2, #ARGV do
  local id = ARGV[i]
  call('ZADD', revoked, till, id)
  -- Published since it was looked for.
  if call('ZREM', ready, id) + call('ZREM', delayed, id) > 0 then
    call('HDEL', messages, id)
    call('HDEL', states, id)
  end
end
call('HSET', queue, 'revoked', till)
return 1
`,
);

/**
 * ARGV: most to remove, 1 to remove delayed ones that are not due as well. Answers `false` where there is no such queue, else the number removed.
 */
export const PURGE: Script = script(
  "purge",
  ["queue", "messages", "ready", "delayed", "states"],
  `
if #ARGV ~= 2 then return redis.error_reply('ERR lovage purge: wrong number of arguments') end
if call('EXISTS', queue) == 0 then return false end
local most = tonumber(ARGV[1])
local popped = call('ZPOPMIN', ready, most)
local ids = {}
for i = 1, #popped, 2 do ids[#ids + 1] = popped[i] end
if #ids < most then
  local till = ARGV[2] == '1' and '+inf' or math.floor(now_us() / 1000) * 16 + 15
  local due = call('ZRANGEBYSCORE', delayed, '-inf', till, 'LIMIT', 0, most - #ids)
  if #due > 0 then
    call('ZREM', delayed, unpack(due))
    for i = 1, #due do ids[#ids + 1] = due[i] end
  end
end
if #ids > 0 then
  call('HDEL', messages, unpack(ids))
  call('HDEL', states, unpack(ids))
end
return #ids
`,
);

/** Answers as {@link DEPTH}, and nothing of the queue is left. */
export const DESTROY: Script = script(
  "destroy",
  ["queue", "messages", "ready", "delayed", "leases", "states", "dead", "reasons", "revoked", "wake", "sessions"],
  `
if call('EXISTS', queue) == 0 then return false end
local due = call('ZCOUNT', delayed, '-inf', math.floor(now_us() / 1000) * 16 + 15)
local depth = {
  call('ZCARD', ready) + due,
  call('ZCARD', delayed) - due,
  call('ZCARD', leases),
  call('ZCARD', dead),
  call('HEXISTS', queue, 'paused'),
}
call('UNLINK', unpack(KEYS))
return depth
`,
);
