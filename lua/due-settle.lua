-- Forgets a claim and its keys.
-- KEYS: the claims (see due-claim)   ARGV: the name of the claim
-- returns: 1, or 0 when the claim had been taken over
redis.call('UNLINK', KEYS[1] .. ':' .. ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
