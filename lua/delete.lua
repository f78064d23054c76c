-- Removes entries and their leases together: what is being loaded for them now will not be written. Tells it. Where loads
-- may read what is older for a while, nobody gets their leases for so long: that stands in a key beside the entry, 'h' for its 'e'.
-- KEYS: for each segment: the leases of a partition (see begin), then its entries
-- ARGV: the channel to tell it on ('' = none), who tells, for how many ms nobody gets their leases, how many segments, entries in each
-- returns: how many entries there were
local at, removed, told, hold = 1, 0, {}, tonumber(ARGV[3])
for segment = 1, tonumber(ARGV[4]) do
  local n = tonumber(ARGV[4 + segment])
  redis.call('HDEL', KEYS[at], unpack(KEYS, at + 1, at + n))
  removed = removed + redis.call('UNLINK', unpack(KEYS, at + 1, at + n))
  local stem = string.sub(KEYS[at], 1, -2) .. 'h'
  for i = at + 1, at + n do
    told[#told + 1] = KEYS[i]
    if hold > 0 then redis.pcall('SET', stem .. string.sub(KEYS[i], #stem + 1), '', 'PX', hold) end
  end
  at = at + n + 1
end
if ARGV[1] ~= '' then
  redis.pcall('PUBLISH', ARGV[1], cjson.encode({ o = ARGV[2], k = 'deleted', e = told }))
end
return removed
