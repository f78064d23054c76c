-- Reads the headers and tags of entries, without their values.
-- KEYS: the epoch, entries
-- returns: for each the beginning of its bytes, '' where there is none; nothing at all if there are none
if redis.call('EXISTS', unpack(KEYS, 2)) == 0 then return {} end
local epoch = tonumber(redis.call('GET', KEYS[1]))
local heads = {}
for i = 2, #KEYS do
  local bytes = redis.call('GETRANGE', KEYS[i], 0, 49)
  if #bytes == 50 then
    local tags = struct.unpack('>I2', bytes, 41)
    if tags > 0 then bytes = redis.call('GETRANGE', KEYS[i], 0, 49 + tags) end
    if epoch and struct.unpack('>d', bytes, 21) < epoch then bytes = '' end
  end
  heads[i - 1] = bytes
end
return heads
