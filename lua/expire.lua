-- Ends the freshness of entries: those that may be served stale stay, as stale; the others go, and all leases. Tells it.
-- KEYS: the leases of a partition (see begin), entries
-- ARGV: the channel to tell it on ('' = none), who tells, for how many ms nobody gets their leases (see delete)
local hold, stem = tonumber(ARGV[3]), string.sub(KEYS[1], 1, -2) .. 'h'
redis.call('HDEL', KEYS[1], unpack(KEYS, 2))
for i = 2, #KEYS do
  local head = redis.call('GETRANGE', KEYS[i], 0, 49)
  if #head == 50 and struct.unpack('>d', head, 43) > struct.unpack('>d', head, 13) then
    -- The bytes of a zero: fresh until never.
    redis.call('SETRANGE', KEYS[i], 12, string.rep('\0', 8))
  else
    redis.call('UNLINK', KEYS[i])
  end
  if hold > 0 then redis.pcall('SET', stem .. string.sub(KEYS[i], #stem + 1), '', 'PX', hold) end
end
if ARGV[1] ~= '' then
  redis.pcall('PUBLISH', ARGV[1], cjson.encode({ o = ARGV[2], k = 'deleted', e = { unpack(KEYS, 2) } }))
end
