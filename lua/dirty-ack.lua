#!lua flags=allow-oom
-- Lets go of entries that are still of the version the origin has; the others are dirty since the claim.
-- KEYS: for each partition: entries, index, state (see dirty-write), dead letters
-- ARGV: claimed at, how many partitions, rows in each; then for each row: key, version
-- returns: how many went
local claimedAt, segments = ARGV[1], tonumber(ARGV[2])
local at, total = 3 + segments, 0
for segment = 1, segments do
  local d, z, c, x = unpack(KEYS, 4 * segment - 3, 4 * segment)
  local fields, versions = {}, {}
  for i = 1, tonumber(ARGV[2 + segment]) do
    fields[i], versions[i] = ARGV[at], ARGV[at + 1]
    at = at + 2
  end
  local entries = redis.call('HMGET', d, unpack(fields))
  local gone = {}
  for i = 1, #fields do
    if entries[i] then
      if tonumber(string.sub(entries[i], 2, 17)) == tonumber(versions[i]) then
        gone[#gone + 1] = fields[i]
      else
        redis.call('ZADD', z, 'XX', claimedAt, fields[i])
      end
    end
  end
  if #gone > 0 then
    redis.call('HDEL', d, unpack(gone))
    redis.call('ZREM', z, unpack(gone))
    redis.call('HINCRBY', c, 'f', #gone)
    if redis.call('EXISTS', x) == 1 then
      local superseded = redis.call('HDEL', x, unpack(gone))
      if superseded > 0 then redis.call('HINCRBY', c, 'x', superseded) end
    end
    total = total + #gone
  end
end
return total
