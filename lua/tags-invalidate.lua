-- Makes every entry with any of the tags dead: the clock moves on and the tags remember where it then stood.
-- KEYS: the tag clock   ARGV: tags   returns: seq
local seq = redis.call('HGET', KEYS[1], 'seq')
if not seq then
  local now = redis.call('TIME')
  seq = string.format('%.0f', now[1] * 1000000 + now[2])
  redis.call('HSET', KEYS[1], 'seq', seq, 'from', seq)
end
redis.call('HINCRBY', KEYS[1], 'seq', 1)
seq = redis.call('HGET', KEYS[1], 'seq')
for _, tag in ipairs(ARGV) do redis.call('HSET', KEYS[1], 't:' .. tag, seq) end
return seq
