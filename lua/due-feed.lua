-- Notes keys in the lists of the slots in which they are due. They stand there in bundles: '<how many> <JSON list of keys>'.
-- KEYS: the slots that have a list (zset by slot); a list is called as they are, ':' and its slot
-- ARGV: most bundles in one list; then for each slot: slot, when its list may go (ms since the epoch), how many bundles, the
--       bundles
-- returns: how many keys found no room
local most, at, dropped = tonumber(ARGV[1]), 2, 0
while at <= #ARGV do
  local slot, n = ARGV[at], tonumber(ARGV[at + 2])
  local list = KEYS[1] .. ':' .. slot
  if redis.call('LLEN', list) + n > most then
    for i = at + 3, at + 2 + n do dropped = dropped + tonumber(string.match(ARGV[i], '^%d+')) end
  else
    local length = redis.call('RPUSH', list, unpack(ARGV, at + 3, at + 2 + n))
    if length == n then redis.call('PEXPIREAT', list, ARGV[at + 1]) end
    redis.call('ZADD', KEYS[1], slot, slot)
  end
  at = at + 3 + n
end
return dropped
