-- Removes entries and their leases together: what is being loaded for them now will not be written.
-- KEYS: the leases of a partition (see begin), entries   returns: how many entries there were
redis.call('HDEL', KEYS[1], unpack(KEYS, 2))
return redis.call('UNLINK', unpack(KEYS, 2))
