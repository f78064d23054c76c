-- Forgets markers, unless they were set anew meanwhile.
-- KEYS: the tag clock   ARGV: seq up to which they may go, their fields   returns: how many went
local upto, gone = tonumber(ARGV[1]), 0
for i = 2, #ARGV do
  local mark = redis.call('HGET', KEYS[1], ARGV[i])
  if mark and tonumber(string.match(mark, '^%d+')) <= upto then
    gone = gone + redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('HDEL', KEYS[1], 'h' .. string.sub(ARGV[i], 2))
  end
end
return gone
