-- Makes every entry with any of the tags dead, or only stale: the clock moves on and the tags remember where it then
-- stood. Tells it.
-- KEYS: the tag clock   returns: seq
-- ARGV: the channel to tell it on ('' = none), who tells, 'purge' | 'expire', '1' to note when it was (ms) in a field 'h:<tag>',
--       for caches that hold off (see commit); tags
-- A mark is 'seq' (dead up to there) or 'seq:dead' (stale up to the first, dead up to the second).
local seq = redis.call('HGET', KEYS[1], 'seq')
if not seq then
  local now = redis.call('TIME')
  seq = string.format('%.0f', now[1] * 1000000 + now[2])
  redis.call('HSET', KEYS[1], 'seq', seq, 'from', seq)
end
redis.call('HINCRBY', KEYS[1], 'seq', 1)
seq = redis.call('HGET', KEYS[1], 'seq')
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for i = 5, #ARGV do
  local mark, field = seq, 't:' .. ARGV[i]
  if ARGV[3] == 'expire' then
    mark = seq .. ':' .. string.match(redis.call('HGET', KEYS[1], field) or '0', '%d+$')
  end
  redis.call('HSET', KEYS[1], field, mark)
  if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'h:' .. ARGV[i], now) end
end
if ARGV[1] ~= '' then
  redis.pcall('PUBLISH', ARGV[1], cjson.encode({ o = ARGV[2], k = 'tags', t = { unpack(ARGV, 5) } }))
end
return seq
