import { type Script, script } from "./script.ts";

/**
 * Stores messages of one queue, each unless its id is there already.
 *
 * ARGV: number of ready messages, number of delayed ones; then `id, envelope` of each ready one and `id, envelope, ms until due` of each
 * delayed one. An envelope begins with the digit of its priority.
 *
 * Answers `false` where there is no such queue, else the positions (from 0, in the order given) of the duplicates.
 */
export const PUBLISH: Script = script(
  "publish",
  ["queue", "messages", "ready", "delayed", "revoked", "wake"],
  `
local n, m = tonumber(ARGV[1]), tonumber(ARGV[2])
if #ARGV ~= 2 + 2 * n + 3 * m then return redis.error_reply('ERR lovage publish: wrong number of arguments') end
local lease, clock, paused, revoked_until = unpack(call('HMGET', queue, 'lease', 'clock', 'paused', 'revoked'))
if not lease then return false end
local now = now_us()
local ids = {}
for i = 1, n do ids[i] = ARGV[1 + 2 * i] end
for i = 1, m do ids[n + i] = ARGV[3 * i + 2 * n] end
local there = call('HMGET', messages, unpack(ids))
local gone = {}
if revoked_until and tonumber(revoked_until) * 1000 > now then
  local untils = call('ZMSCORE', revoked, unpack(ids))
  for i = 1, n + m do gone[i] = untils[i] and untils[i] * 1000 > now end
end
local duplicates, new, places, dues = {}, {}, {}, {}
local last = math.max(tonumber(clock or 0), now - EPOCH_US - 1)
for i = 1, n + m do
  local id = ids[i]
  if there[i] or there[id] then
    duplicates[#duplicates + 1] = i - 1
  elseif not gone[i] then
    there[id] = true
    local at = i <= n and 2 + 2 * i or 3 * i - n + 1
    local envelope = ARGV[at]
    local band = 57 - string.byte(envelope)
    new[#new + 1], new[#new + 2] = id, envelope
    if i <= n then
      last = last + 1
      places[#places + 1], places[#places + 2] = place_text(BASE + band * STRIDE + last), id
    else
      dues[#dues + 1], dues[#dues + 2] = place_text(math.ceil(now / 1000 + tonumber(ARGV[at + 1])) * 16 + band), id
    end
  end
end
if #new == 0 then return duplicates end
call('HSET', messages, unpack(new))
local wake_up = false
if #places > 0 then
  call('ZADD', ready, unpack(places))
  call('HSET', queue, 'clock', place_text(last))
  wake_up = true
end
if #dues > 0 then
  local first = call('ZRANGE', delayed, 0, 0)[1]
  call('ZADD', delayed, unpack(dues))
  -- Whoever waits for the first one must learn that another is due earlier.
  wake_up = wake_up or call('ZRANGE', delayed, 0, 0)[1] ~= first
end
if wake_up and not paused then call('ZADD', wake, 0, '0') end
return duplicates
`,
);
