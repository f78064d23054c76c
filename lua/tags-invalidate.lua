-- Makes every entry with any of the tags dead: the clock moves on and the tags remember where it then stood. Tells it.
-- KEYS: the tag clock   ARGV: the channel to tell it on ('' = none), who tells, tags   returns: seq
local seq = redis.call('HGET', KEYS[1], 'seq')
if not seq then
  local now = redis.call('TIME')
  seq = string.format('%.0f', now[1] * 1000000 + now[2])
  redis.call('HSET', KEYS[1], 'seq', seq, 'from', seq)
end
redis.call('HINCRBY', KEYS[1], 'seq', 1)
seq = redis.call('HGET', KEYS[1], 'seq')
for i = 3, #ARGV do redis.call('HSET', KEYS[1], 't:' .. ARGV[i], seq) end
if ARGV[1] ~= '' then
  redis.pcall('PUBLISH', ARGV[1], cjson.encode({ o = ARGV[2], k = 'tags', t = { unpack(ARGV, 3) } }))
end
return seq
