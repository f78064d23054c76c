-- Removes entries and their leases together: what is being loaded for them now will not be written. Tells it.
-- KEYS: for each segment: the leases of a partition (see begin), then its entries
-- ARGV: the channel to tell it on ('' = none), who tells, how many segments, entries in each
-- returns: how many entries there were
local at, removed, told = 1, 0, {}
for segment = 1, tonumber(ARGV[3]) do
  local n = tonumber(ARGV[3 + segment])
  redis.call('HDEL', KEYS[at], unpack(KEYS, at + 1, at + n))
  removed = removed + redis.call('UNLINK', unpack(KEYS, at + 1, at + n))
  for i = at + 1, at + n do told[#told + 1] = KEYS[i] end
  at = at + n + 1
end
if ARGV[1] ~= '' then
  redis.pcall('PUBLISH', ARGV[1], cjson.encode({ o = ARGV[2], k = 'deleted', e = told }))
end
return removed
