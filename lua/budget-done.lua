-- Takes a place back, returns ids that were not asked for, and notes how the load went.
-- KEYS: the origin's budget, its places (see budget-take)
-- ARGV: grant, ids to return (negative: more were asked for than granted), rate of the definition ('' = unlimited),
--       cache, ids granted, usual times of such loads ('' = leave), factor the judge saw, factor it wants, ms between two
--       changes of the factor, now in ms or ''
-- returns: the factor in force
local budget, places = KEYS[1], KEYS[2]
local unused, ids, seen, wanted = tonumber(ARGV[2]), tonumber(ARGV[5]), tonumber(ARGV[7]), tonumber(ARGV[8])
local now = tonumber(ARGV[10])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local held = redis.call('HMGET', budget, 'perSecond', 'factor', 'tat', 'changedAt')
local rate = tonumber(held[1] or ARGV[3])
local factor = tonumber(held[2] or 1)
redis.call('ZREM', places, ARGV[1])

if unused ~= 0 and held[3] and rate and rate > 0 and rate < math.huge then
  redis.call('HSET', budget, 'tat', string.format('%.3f', held[3] - unused * 1000 / (rate * factor)))
end
if ARGV[6] ~= '' then
  redis.call('HSET', budget, 'usual:' .. ARGV[4] .. ':' .. math.floor(math.log10(ids) / math.log10(2) + 1e-9), ARGV[6])
end
-- Of several judges of the same trouble only the first is heard.
if wanted ~= seen and seen == factor and now - tonumber(held[4] or 0) >= tonumber(ARGV[9]) then
  factor = wanted
  redis.call('HSET', budget, 'factor', tostring(factor), 'changedAt', string.format('%.0f', now))
end
return tostring(factor)
