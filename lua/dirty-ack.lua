#!lua flags=allow-oom
-- Lets go of entries that are still of the version the origin has; the others are dirty since the claim.
-- KEYS: for each partition: entries, index, state (see dirty-write), dead letters
-- ARGV: claimed at; then for each partition: keys (packed), their versions (16 digits each, one after another), the last
--       version that was given when they were claimed, or ''
-- returns: how many went
local claimedAt, total = ARGV[1], 0
for segment = 1, #KEYS / 4 do
  local d, z, c, x = unpack(KEYS, 4 * segment - 3, 4 * segment)
  local all, versions, seen = cmsgpack.unpack(ARGV[3 * segment - 1]), ARGV[3 * segment], ARGV[3 * segment + 1]
  local hasDead = redis.call('EXISTS', x) == 1
  -- Where nothing was written since the claim, no entry need be looked at.
  local isSame = seen ~= '' and not hasDead and redis.call('HGET', c, 'v') == seen
  for from = 1, #all, 250 do
    local fields = { unpack(all, from, math.min(from + 249, #all)) }
    local gone = isSame and fields or {}
    if not isSame then
      local entries = redis.call('HMGET', d, unpack(fields))
      for i = 1, #fields do
        if entries[i] then
          local at = 16 * (from + i) - 31
          if string.sub(entries[i], 2, 17) == string.sub(versions, at, at + 15) then
            gone[#gone + 1] = fields[i]
          else
            redis.call('ZADD', z, 'XX', claimedAt, fields[i])
          end
        end
      end
    end
    if #gone > 0 then
      local count = redis.call('HDEL', d, unpack(gone))
      redis.call('ZREM', z, unpack(gone))
      redis.call('HINCRBY', c, 'f', count)
      if hasDead then
        local superseded = redis.call('HDEL', x, unpack(gone))
        if superseded > 0 then redis.call('HINCRBY', c, 'x', superseded) end
      end
      total = total + count
    end
  end
end
return total
