#!lua
-- Takes writes into the buffer: version, entry, index and counts at once, or nothing of a key. Refused by a full server.
-- KEYS: for each partition: its entries (hash), its index (sorted set by the first dirty version), its state (hash:
--       v last version, a accepted, m coalesced, f flushed, x dropped), its watches (hash); those two may be of several
--       partitions, whose places are then side by side
-- ARGV: how many partitions; for each: soft mark, hard mark, how many writes; then for each write: key, what follows the
--       version in its entry (see src/dirty/entry.ts), the operation if it may have been asked for before else '', the
--       word it was watched under or ''
-- returns: for each write, divided by spaces: its version, with a '+' before it above the soft mark; 'F' full; 'L' overtaken
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local told = {}
local segments = tonumber(ARGV[1])
local at = 2 + 3 * segments
local state, last, accepted, merged, before, isWatched

local function keep()
  if accepted and accepted > before then
    redis.call('HSET', state, 'v', string.format('%.0f', last), 'a', string.format('%.0f', accepted), 'm', string.format('%.0f', merged))
  end
end

for segment = 1, segments do
  local d, z, c, w = KEYS[4 * segment - 3], KEYS[4 * segment - 2], KEYS[4 * segment - 1], KEYS[4 * segment]
  local soft, hard = tonumber(ARGV[3 * segment - 1]), tonumber(ARGV[3 * segment])
  if c ~= state then
    keep()
    state = c
    local known = redis.call('HMGET', c, 'v', 'a', 'm')
    last, accepted, merged = tonumber(known[1] or 0), tonumber(known[2] or 0), tonumber(known[3] or 0)
    before = accepted
    isWatched = redis.call('EXISTS', w) == 1
  end
  local count = redis.call('HLEN', d)
  for _ = 1, tonumber(ARGV[3 * segment + 1]) do
    local field, tail, operation, word = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    at = at + 4
    local known = operation ~= '' and redis.call('HGET', d, field)
    if known and string.byte(known) == 49 and string.sub(known, 22, 21 + tonumber(string.sub(known, 20, 21))) == operation then
      told[#told + 1] = string.sub(known, 2, 17)
    elseif word ~= '' and not (isWatched and redis.call('HGET', w, field) == word) then
      told[#told + 1] = 'L'
    elseif count >= hard and redis.call('HEXISTS', d, field) == 0 then
      told[#told + 1] = 'F'
    else
      last = now > last and now or last + 1
      local version = string.format('%016.0f', last)
      if redis.call('HSET', d, field, '1' .. version .. tail) == 1 then
        redis.call('ZADD', z, 'NX', version, field)
        count = count + 1
      else
        merged = merged + 1
      end
      if isWatched then redis.call('HDEL', w, field) end
      accepted = accepted + 1
      told[#told + 1] = count > soft and '+' .. version or version
    end
  end
end
keep()
return table.concat(told, ' ')
