-- Takes keys that are due: those of a claim that was not settled in time, else of slots that are over, oldest first.
-- KEYS: the slots that have a list (see due-feed), the claims (zset by when they end, ms since the epoch); the keys of a
--       claim are in a list called as they are, ':' and its name
-- ARGV: the present time, how many keys (some more when a bundle has more), the name of the claim, how long it lasts in ms,
--       most keys in a bundle
-- returns: 'again' or 'due', the bundles of keys (see due-feed); nothing when there are none
local most, name, ms, full = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Nobody may come for a cache that is no more.
local keep = 86400000
local mine = KEYS[2] .. ':' .. name

while true do
  local late = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1]
  if not late then break end
  redis.call('ZREM', KEYS[2], late)
  local theirs = KEYS[2] .. ':' .. late
  if redis.call('EXISTS', theirs) == 1 then
    redis.call('RENAME', theirs, mine)
    redis.call('PEXPIRE', mine, ms + keep)
    redis.call('ZADD', KEYS[2], now + ms, name)
    return { 'again', unpack(redis.call('LRANGE', mine, 0, -1)) }
  end
end

local bundles, keys = {}, 0
while keys < most do
  local slot = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
  if not slot then break end
  local list = KEYS[1] .. ':' .. slot
  local n = math.ceil((most - keys) / full)
  local some = redis.call('LPOP', list, n) or {}
  for i = 1, #some do
    bundles[#bundles + 1] = some[i]
    keys = keys + tonumber(string.match(some[i], '^%d+'))
  end
  if #some < n then redis.call('ZREM', KEYS[1], slot) end
end
if keys == 0 then return false end
redis.call('RPUSH', mine, unpack(bundles))
redis.call('PEXPIRE', mine, ms + keep)
redis.call('ZADD', KEYS[2], now + ms, name)
return { 'due', unpack(bundles) }
