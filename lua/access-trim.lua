-- Removes the messages before an id, if the log is still the one they were read from.
-- KEYS: the stream, the hash that says which log it is
-- ARGV: id of the log, the first message to keep
-- returns: messages removed
if redis.call('HGET', KEYS[2], 'id') ~= ARGV[1] then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
