-- Reads the tag clock, and starts it where there is none.
-- KEYS: the tag clock   returns: seq
-- Started from the server's microseconds: above every number that a lost clock may have given out.
local seq = redis.call('HGET', KEYS[1], 'seq')
if not seq then
  local now = redis.call('TIME')
  seq = string.format('%.0f', now[1] * 1000000 + now[2])
  redis.call('HSET', KEYS[1], 'seq', seq, 'from', seq)
end
return seq
