import { type Script, script } from "./script.ts";

/** How many messages fall due, are reaped or expire in one turn: bounds how long a turn holds the server. */
const SWEEP = 100;
/** Messages popped at a time, and when there are enough bytes for one answer. */
const CHUNK = 250;
const ENOUGH_BYTES = 4 * 1024 * 1024;

/**
 * One turn of one session with one queue: carries out what deliveries asked, then claims, so that what was settled is replaced in the same
 * round trip. A turn is carried out once: asked again with the same number it answers as the first time, and an older one does nothing.
 *
 * ARGV: session, number of the turn, limit (0: claims nothing), then the numbers of renewals, starts, acks, releases, requeues, dead letters and
 * lease checks; then each of them in this order: renew, start, ack, check: `claim` · release: `claim, marks` · requeue: `claim, ms, headers or ""` ·
 * dead letter: `claim, reason`.
 *
 * Answers `false` where there is no such queue, `0` for an old turn, else: lease in ms · ms until something falls due or lapses, -1 for never ·
 * 1 when nothing more can be claimed now · the positions (from 0, in the order given) of what is not ours · claim, envelope, claim, envelope … ·
 * starts of those among them that were handed out before.
 *
 * The first write is a removal: a server without memory refuses scripts that begin otherwise, and settling must go on. After a silence, in which
 * nobody can have renewed anything, nobody reaps for a while: holders come first.
 */
export const TURN: Script = script(
  "turn",
  ["queue", "messages", "ready", "delayed", "leases", "states", "dead", "reasons", "revoked", "wake", "sessions"],
  String.raw`
if #ARGV < 10 then return redis.error_reply('ERR lovage turn: wrong number of arguments') end
local session, turn, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local renewals, starts, acks = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local releases, requeues, burials, checks = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local asked = renewals + starts + acks + releases + requeues + burials + checks
if #ARGV ~= 10 + asked + releases + 2 * requeues + burials then
  return redis.error_reply('ERR lovage turn: wrong number of arguments')
end

local lease_ms, max_dead, keep_ms, paused, clock, revoked_until, seen, reap_from =
  unpack(call('HMGET', queue, 'lease', 'dead', 'keep', 'paused', 'clock', 'revoked', 'seen', 'reap'))
if not lease_ms then return false end
lease_ms = tonumber(lease_ms)
local now = now_us()
local now_ms = math.floor(now / 1000)

local function id_of(claim)
  if string.byte(claim, 18) == 58 then return string.sub(claim, 19), string.byte(claim, 17) - 48 end
  local colon = string.find(claim, ':', 18, true)
  return string.sub(claim, colon + 1), tonumber(string.sub(claim, 17, colon - 1))
end

-- This turn again, its answer having been lost: the same answer. An older one, late on a broken connection: nothing.
local before = call('HGET', sessions, session)
if before then
  local number, ends, missed = string.match(before, '^(%d+) (%d+) %d+ (.*)$')
  number = tonumber(number)
  if number > turn then return 0 end
  if number == turn then
    local lost, claimed, again = {}, {}, {}
    for position in string.gmatch(missed, '%d+') do lost[#lost + 1] = tonumber(position) end
    local claims = ends == '0' and {} or call('ZRANGEBYSCORE', leases, ends, ends)
    table.sort(claims)
    for i = 1, #claims do
      local id, count = id_of(claims[i])
      local envelope = call('HGET', messages, id)
      if envelope then
        claimed[#claimed + 1], claimed[#claimed + 2] = claims[i], envelope
        if count > 1 then
          again[#again + 1] = tonumber(string.match(call('HGET', states, id) or '0 0', ' (%d+)$'))
        end
      end
    end
    return { lease_ms, 0, 0, lost, claimed, again }
  end
end

call('ZREM', leases, '')
local lost, position, at = {}, 0, 11
local any_revoked = revoked_until and tonumber(revoked_until) > now_ms
local rel_now = now - EPOCH_US
local last = math.max(tonumber(clock or 0), rel_now - 1)
local gave_places, any_ready = false, false

local function is_revoked(id)
  if not any_revoked then return false end
  local ends = call('ZSCORE', revoked, id)
  return ends and tonumber(ends) > now_ms
end
local function drop(id)
  call('HDEL', messages, id)
  call('HDEL', states, id)
end
local function starts_of(id)
  local state = call('HGET', states, id)
  return state and tonumber(string.match(state, ' (%d+)$')) or 0
end
-- A claim that has just ended: its message is ready again in its old place.
local function give_back(claim, marks)
  local id, count = id_of(claim)
  if is_revoked(id) then return drop(id) end
  call('ZADD', ready, string.sub(claim, 1, 16), id)
  call('HSET', states, id, count .. ' ' .. math.max(0, starts_of(id) - marks))
  any_ready = true
end
-- Calls back for each of the next n, those that are ours; step is how many arguments each has.
local function each(n, step, ours)
  if n == 0 then return end
  local claims = {}
  for i = 1, n do claims[i] = ARGV[at + (i - 1) * step] end
  local held = call('ZMSCORE', leases, unpack(claims))
  for i = 1, n do
    if held[i] then ours(claims[i], at + (i - 1) * step, held[i]) else lost[#lost + 1] = position + i - 1 end
  end
  at, position = at + n * step, position + n
end

if renewals > 0 then
  local ends, pairs_ = place_text(now + lease_ms * 1000), {}
  each(renewals, 1, function(claim) pairs_[#pairs_ + 1], pairs_[#pairs_ + 2] = ends, claim end)
  if #pairs_ > 0 then call('ZADD', leases, 'XX', unpack(pairs_)) end
end
each(starts, 1, function(claim)
  local id, count = id_of(claim)
  call('HSET', states, id, (count - 1) .. ' ' .. (starts_of(id) + 1))
end)
if acks > 0 then
  local claims, ids = {}, {}
  each(acks, 1, function(claim)
    claims[#claims + 1] = claim
    ids[#ids + 1] = id_of(claim)
  end)
  if #claims > 0 then
    call('ZREM', leases, unpack(claims))
    call('HDEL', messages, unpack(ids))
    if call('EXISTS', states) == 1 then call('HDEL', states, unpack(ids)) end
  end
end
each(releases, 2, function(claim, i)
  call('ZREM', leases, claim)
  give_back(claim, tonumber(ARGV[i + 1]))
end)
each(requeues, 3, function(claim, i)
  call('ZREM', leases, claim)
  local id, count = id_of(claim)
  if is_revoked(id) then return drop(id) end
  local delay, headers = tonumber(ARGV[i + 1]), ARGV[i + 2]
  if headers ~= '' then
    local envelope = call('HGET', messages, id)
    local body = string.find(envelope, '\n', 1, true)
    call('HSET', messages, id, string.sub(envelope, 1, 2) .. headers .. string.sub(envelope, body))
  end
  call('HSET', states, id, count .. ' 0')
  local band = math.floor((tonumber(string.sub(claim, 1, 16)) - BASE) / STRIDE)
  if delay > 0 then
    call('ZADD', delayed, place_text(math.ceil(now / 1000 + delay) * 16 + band), id)
  else
    last = last + 1
    gave_places, any_ready = true, true
    call('ZADD', ready, place_text(BASE + band * STRIDE + last), id)
  end
end)
each(burials, 2, function(claim, i)
  call('ZREM', leases, claim)
  local id, count = id_of(claim)
  call('HDEL', states, id)
  call('ZADD', dead, place_text(now), id)
  call('HSET', reasons, id, now_ms .. ' ' .. count .. ' ' .. ARGV[i + 1])
  now = now + 1
end)
local function forget_dead(ids)
  if #ids == 0 then return end
  call('ZREM', dead, unpack(ids))
  call('HDEL', reasons, unpack(ids))
  call('HDEL', messages, unpack(ids))
end
if burials > 0 then
  local over = call('ZCARD', dead) - tonumber(max_dead)
  if over > 0 then forget_dead(call('ZRANGE', dead, 0, math.min(over, 1000) - 1)) end
end

-- Who may reap.
seen, reap_from = tonumber(seen or now), tonumber(reap_from or 0)
if now - seen > math.max(1000000, lease_ms * 500) then
  reap_from = now + math.min(3000000, lease_ms * 500)
  call('HSET', queue, 'reap', place_text(reap_from))
end
if now - seen > lease_ms * 50 or seen == now then call('HSET', queue, 'seen', place_text(now)) end
local may_reap = now >= reap_from
each(checks, 1, function(claim, i, ends)
  if tonumber(ends) > now or not may_reap then return end
  call('ZREM', leases, claim)
  give_back(claim, 0)
  lost[#lost + 1] = position + i - at
end)

local next_at
local function soonest(us) if not next_at or us < next_at then next_at = us end end
local swept = false

-- What has fallen due is ready, in the place of its due time.
local first = call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
if first[1] then
  if tonumber(first[2]) < (now_ms + 1) * 16 then
    local due = call('ZRANGEBYSCORE', delayed, '-inf', now_ms * 16 + 15, 'WITHSCORES', 'LIMIT', 0, ${SWEEP})
    local ids, places = {}, {}
    for i = 1, #due, 2 do
      local id, score = due[i], tonumber(due[i + 1])
      ids[#ids + 1] = id
      if is_revoked(id) then
        drop(id)
      else
        local due_us = math.max(math.floor(score / 16) * 1000 - EPOCH_US, 0)
        places[#places + 1], places[#places + 2] = place_text(BASE + (score % 16) * STRIDE + due_us), id
      end
    end
    call('ZREM', delayed, unpack(ids))
    if #places > 0 then call('ZADD', ready, unpack(places)) end
    swept, any_ready = #ids == ${SWEEP}, true
    first = call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  end
  if first[1] then soonest(math.floor(tonumber(first[2]) / 16) * 1000) end
end

-- Leases that have ended.
local earliest = call('ZRANGE', leases, 0, 0, 'WITHSCORES')
if earliest[1] and tonumber(earliest[2]) <= now and may_reap then
  local ended = call('ZRANGEBYSCORE', leases, '-inf', place_text(now), 'LIMIT', 0, ${SWEEP})
  call('ZREM', leases, unpack(ended))
  for i = 1, #ended do give_back(ended[i], 0) end
  swept = swept or #ended == ${SWEEP}
end

local claimed, again, full, ends = {}, {}, 1, 0
if limit > 0 and not paused then
  local left, bytes = limit, 0
  ends = now + lease_ms * 1000 + 1
  local ends_text = place_text(ends)
  repeat
    local chunk = math.min(left, ${CHUNK})
    local popped = call('ZPOPMIN', ready, chunk)
    local count = #popped / 2
    if count == 0 then break end
    local ids, pairs_ = {}, {}
    for i = 1, count do ids[i] = popped[2 * i - 1] end
    local envelopes = call('HMGET', messages, unpack(ids))
    local known = call('EXISTS', states) == 1 and call('HMGET', states, unpack(ids))
    for i = 1, count do
      local envelope = envelopes[i]
      if envelope then
        local claim
        if known and known[i] then
          local deliveries, marked = string.match(known[i], '^(%d+) (%d+)$')
          again[#again + 1] = tonumber(marked)
          claim = place_text(tonumber(popped[2 * i])) .. place_text(deliveries + 1) .. ':' .. ids[i]
        else
          claim = place_text(tonumber(popped[2 * i])) .. '1:' .. ids[i]
        end
        claimed[#claimed + 1], claimed[#claimed + 2] = claim, envelope
        pairs_[#pairs_ + 1], pairs_[#pairs_ + 2] = ends_text, claim
        bytes = bytes + #envelope
      end
    end
    if #pairs_ > 0 then call('ZADD', leases, unpack(pairs_)) end
    left = left - count
    if count < chunk then break end
  until left == 0 or bytes > ${ENOUGH_BYTES}
  if #claimed == 0 then ends = 0 end
  -- More may be ready than was wanted: somebody else may be idle.
  if left == 0 or bytes > ${ENOUGH_BYTES} or swept then
    full = 0
    call('ZADD', wake, 0, '0')
  else
    call('DEL', wake)
  end
elseif any_ready and not paused then
  call('ZADD', wake, 0, '0')
end
if gave_places then call('HSET', queue, 'clock', place_text(last)) end

local next_ms = -1
if full == 1 then
  earliest = call('ZRANGE', leases, 0, 0, 'WITHSCORES')
  if earliest[1] then soonest(math.max(tonumber(earliest[2]), reap_from)) end
  if next_at then next_ms = math.max(0, math.ceil((next_at - now) / 1000)) end
  local old = call('ZRANGEBYSCORE', dead, '-inf', place_text(now - tonumber(keep_ms) * 1000), 'LIMIT', 0, ${SWEEP})
  forget_dead(old)
end
if asked > 0 or #claimed > 0 then
  call('HSET', sessions, session, turn .. ' ' .. place_text(ends) .. ' ' .. place_text(now) .. ' ' .. table.concat(lost, ' '))
end
return { lease_ms, next_ms, full, lost, claimed, again }
`,
);
