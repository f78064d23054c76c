#!lua flags=allow-oom
-- Reads the dirty keys of partitions that have been dirty longest. Nothing moves; an index that was tampered with is mended.
-- What became dirty later than now did so before the clock was put back, and is due.
-- KEYS: for each partition: its entries, its index, its state (see dirty-write)
-- ARGV: most keys, bytes after which no more are read, dirty since at least so many µs; then for each partition: how many of
--       its oldest to leave out
-- returns: { now in µs, '1' if more may be due else '0', then for each partition of which something was read: its place
--          from 0, how many entries of another format were passed over, keys, entries (both packed), the last version given }
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local left, room, upTo = tonumber(ARGV[1]), tonumber(ARGV[2]), string.format('%.0f', now - tonumber(ARGV[3]))
local told = { string.format('%.0f', now), '0' }
local soon = now + 1000000
for i = 1, #KEYS, 3 do
  if left <= 0 or room <= 0 then
    told[2] = '1'
    break
  end
  local d, z, skip = KEYS[i], KEYS[i + 1], tonumber(ARGV[4 + (i - 1) / 3])
  local count = redis.call('HLEN', d)
  if count ~= redis.call('ZCARD', z) then
    for _, field in ipairs(redis.call('HKEYS', d)) do redis.call('ZADD', z, 'NX', told[1], field) end
    if count == 0 then redis.call('DEL', z) end
  end
  local fields = count > 0 and redis.call('ZRANGEBYSCORE', z, '-inf', upTo, 'LIMIT', skip, left) or {}
  if count > 0 and #fields < left and tonumber(redis.call('ZRANGE', z, -1, -1, 'WITHSCORES')[2]) > soon then
    local out = math.max(0, skip - redis.call('ZCOUNT', z, '-inf', upTo))
    local later = redis.call('ZRANGEBYSCORE', z, string.format('(%.0f', soon), '+inf', 'LIMIT', out, left - #fields)
    for _, field in ipairs(later) do fields[#fields + 1] = field end
  end
  local keys, entries, n, foreign = {}, {}, 0, 0
  for from = 1, #fields, 250 do
    if room <= 0 then break end
    local slice = { unpack(fields, from, math.min(from + 249, #fields)) }
    local found = redis.call('HMGET', d, unpack(slice))
    for row = 1, #slice do
      local entry = found[row]
      if not entry then
        redis.call('ZREM', z, slice[row])
      elseif string.byte(entry) ~= 49 then
        foreign = foreign + 1
      else
        n = n + 1
        keys[n], entries[n] = slice[row], entry
        room = room - #entry
      end
    end
    left = left - #slice
  end
  if n + foreign > 0 then
    told[#told + 1] = (i - 1) / 3
    told[#told + 1] = foreign
    told[#told + 1] = n > 0 and cmsgpack.pack(keys) or ''
    told[#told + 1] = n > 0 and cmsgpack.pack(entries) or ''
    told[#told + 1] = redis.call('HGET', KEYS[i + 2], 'v') or ''
  end
end
if left <= 0 or room <= 0 then told[2] = '1' end
return told
