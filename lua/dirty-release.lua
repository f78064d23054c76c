#!lua flags=allow-oom
-- Gives leases back that are still the holder's.
-- KEYS: leases   ARGV: the holder
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then redis.call('DEL', lease) end
end
return 1
