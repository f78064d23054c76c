-- Removes entries and their leases together: what is being loaded for them now will not be written. Tells it.
-- KEYS: the leases of a partition (see begin), entries   ARGV: the channel to tell it on ('' = none), who tells
-- returns: how many entries there were
redis.call('HDEL', KEYS[1], unpack(KEYS, 2))
local removed = redis.call('UNLINK', unpack(KEYS, 2))
if ARGV[1] ~= '' then
  redis.pcall('PUBLISH', ARGV[1], cjson.encode({ o = ARGV[2], k = 'deleted', e = { unpack(KEYS, 2) } }))
end
return removed
