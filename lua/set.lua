-- Writes entries and takes away whatever leases there are: loads under way will not be written over them. Tells it.
-- KEYS: for each segment: the leases of a partition (see begin), then its entries; then the epoch
-- ARGV: the channel to tell it on ('' = none), who tells, '1' where entries carry the tag clock, for how many ms nobody gets
--       their leases (see delete), how many segments, entries in each, then for each entry: ttl in ms, its bytes
local tagged, hold, segments = ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
-- As in commit: an entry with tags from before the cache was cleared is not written, one without is from now.
local epoch = tonumber(redis.call('GET', KEYS[#KEYS]))
local told = {}
local at, from = 1, 6 + segments
for segment = 1, segments do
  local n = tonumber(ARGV[5 + segment])
  local stem = string.sub(KEYS[at], 1, -2) .. 'h'
  redis.call('HDEL', KEYS[at], unpack(KEYS, at + 1, at + n))
  for i = 1, n do
    local bytes = ARGV[from + 1]
    local isOld = epoch and struct.unpack('>d', bytes, 21) < epoch
    if isOld and tagged then
      redis.call('UNLINK', KEYS[at + i])
    else
      if isOld then bytes = string.sub(bytes, 1, 20) .. struct.pack('>d', epoch) .. string.sub(bytes, 29) end
      redis.call('PSETEX', KEYS[at + i], ARGV[from], bytes)
    end
    told[#told + 1] = KEYS[at + i]
    if hold > 0 then redis.call('SET', stem .. string.sub(KEYS[at + i], #stem + 1), '', 'PX', hold) end
    from = from + 2
  end
  at = at + n + 1
end
if ARGV[1] ~= '' then
  redis.pcall('PUBLISH', ARGV[1], cjson.encode({ o = ARGV[2], k = 'written', e = told }))
end
return { 'ok' }
