#!lua flags=allow-oom
-- Reads the dirty keys of partitions that have been dirty longest. Nothing moves; an index that was tampered with is mended.
-- What became dirty later than now did so before the clock was put back, and is due.
-- KEYS: for each partition: its entries, its index
-- ARGV: most keys, dirty since at least so many µs
-- returns: { now in µs, then for each row: the place of its partition from 0, key, entry }
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local left, upTo = tonumber(ARGV[1]), string.format('%.0f', now - tonumber(ARGV[2]))
local told = { string.format('%.0f', now) }
local soon = now + 1000000
for i = 1, #KEYS, 2 do
  if left <= 0 then break end
  local d, z = KEYS[i], KEYS[i + 1]
  local count = redis.call('HLEN', d)
  if count ~= redis.call('ZCARD', z) then
    for _, field in ipairs(redis.call('HKEYS', d)) do redis.call('ZADD', z, 'NX', told[1], field) end
    if count == 0 then redis.call('DEL', z) end
  end
  local fields = count > 0 and redis.call('ZRANGEBYSCORE', z, '-inf', upTo, 'LIMIT', 0, left) or {}
  if count > 0 and #fields < left and tonumber(redis.call('ZRANGE', z, -1, -1, 'WITHSCORES')[2]) > soon then
    local later = redis.call('ZRANGEBYSCORE', z, string.format('(%.0f', soon), '+inf', 'LIMIT', 0, left - #fields)
    for _, field in ipairs(later) do fields[#fields + 1] = field end
  end
  if #fields > 0 then
    local entries = redis.call('HMGET', d, unpack(fields))
    for row = 1, #fields do
      if entries[row] then
        told[#told + 1] = (i - 1) / 2
        told[#told + 1] = fields[row]
        told[#told + 1] = entries[row]
        left = left - 1
      else
        redis.call('ZREM', z, fields[row])
      end
    end
  end
end
return told
