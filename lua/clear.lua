-- Makes everything of a cache, or of one partition of it, dead: the epoch moves on, and all leases are taken away. Tells it.
-- KEYS: the epoch, leases of partitions (see begin)
-- ARGV: where the tag clock stands, the channel to tell it on ('' = none), who tells, the cache, for how many ms nobody gets
--       leases (see delete)
-- The epoch is a reading of the tag clock, for which it was moved on: entries from before carry less.
local epoch = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > epoch then redis.call('SET', KEYS[1], ARGV[1]) end
redis.call('UNLINK', unpack(KEYS, 2))
local hold = tonumber(ARGV[5])
if hold > 0 then
  for i = 2, #KEYS do redis.pcall('SET', string.sub(KEYS[i], 1, -2) .. 'h', '', 'PX', hold) end
end
if ARGV[2] ~= '' then
  redis.pcall('PUBLISH', ARGV[2], cjson.encode({ o = ARGV[3], k = 'clear', c = ARGV[4] }))
end
return 1
