-- Appends a message to the access log, once however often it is sent; above a bound the oldest messages go.
-- KEYS: the stream, the hash that says which log it is, the number of the sender's last message
-- ARGV: id of the log if this begins one, number of the message, most bytes, accesses in the message, the message
-- returns: accesses in the messages that went
if tonumber(ARGV[2]) <= tonumber(redis.call('GET', KEYS[3]) or 0) then return 0 end
redis.call('SET', KEYS[3], ARGV[2], 'EX', 3600)
redis.call('HSETNX', KEYS[2], 'id', ARGV[1])

-- Each message carries the bytes appended before it, so that what the log holds is a subtraction.
local bytes = redis.call('HINCRBY', KEYS[2], 'bytes', #ARGV[5])
local added = redis.call('XADD', KEYS[1], '*', 'o', string.format('%.0f', bytes - #ARGV[5]), 'n', ARGV[4], 'd', ARGV[5])
local lost = 0
while true do
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if first[1] == added or bytes - tonumber(first[2][2]) <= tonumber(ARGV[3]) then return lost end
  lost = lost + tonumber(first[2][4])
  redis.call('XDEL', KEYS[1], first[1])
end
