#!lua flags=no-writes
-- What partitions have seen and hold.
-- KEYS: for each: entries, index, state (see dirty-write), dead letters
-- returns: { accepted, coalesced, flushed, dropped, pending, dead, µs since when the oldest is dirty } as texts
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local sums, oldest = { 0, 0, 0, 0, 0, 0 }, now
local counted
for i = 1, #KEYS, 4 do
  if KEYS[i + 2] ~= counted then
    counted = KEYS[i + 2]
    local state = redis.call('HMGET', counted, 'a', 'm', 'f', 'x')
    for n = 1, 4 do sums[n] = sums[n] + tonumber(state[n] or 0) end
  end
  sums[5] = sums[5] + redis.call('HLEN', KEYS[i])
  sums[6] = sums[6] + redis.call('HLEN', KEYS[i + 3])
  local first = redis.call('ZRANGE', KEYS[i + 1], 0, 0, 'WITHSCORES')
  if first[2] then oldest = math.min(oldest, tonumber(first[2])) end
end
local told = {}
for n = 1, 6 do told[n] = string.format('%.0f', sums[n]) end
told[7] = string.format('%.0f', now - oldest)
return told
