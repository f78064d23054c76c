-- Notes keys in the lists of the slots in which they are due. They stand there in bundles: '<how many> <JSON list of keys>'.
-- KEYS: the slots that have a list (zset by when they are over, ms since the epoch); a list is called as they are, ':' and that
-- ARGV: most bundles in one list; then for each slot: when it is over, when its list may go, how many bundles, the bundles
-- returns: how many keys found no room
local most, at, dropped = tonumber(ARGV[1]), 2, 0
while at <= #ARGV do
  local slot, n = ARGV[at], tonumber(ARGV[at + 2])
  local list = KEYS[1] .. ':' .. slot
  local length = redis.call('RPUSH', list, unpack(ARGV, at + 3, at + 2 + n))
  if length == n then
    -- A list that is there is known already.
    redis.call('PEXPIREAT', list, ARGV[at + 1])
    redis.call('ZADD', KEYS[1], slot, slot)
  end
  if length > most then
    redis.call('RPOP', list, n)
    for i = at + 3, at + 2 + n do dropped = dropped + tonumber(string.match(ARGV[i], '^%d+')) end
  end
  at = at + 3 + n
end
return dropped
