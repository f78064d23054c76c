#!lua flags=allow-oom
-- Gives a version above the floor, which somebody may still go by (see the versions of dirty-ack).
-- KEYS: the state of partitions (see dirty-write)   ARGV: for each: the floor
-- returns: the version of each
local time = redis.call('TIME')
local told = {}
for i, c in ipairs(KEYS) do
  local last = math.max(tonumber(redis.call('HGET', c, 'v') or 0) + 1, time[1] * 1000000 + time[2], tonumber(ARGV[i]) + 1)
  told[i] = string.format('%.0f', last)
  redis.call('HSET', c, 'v', told[i])
end
return told
