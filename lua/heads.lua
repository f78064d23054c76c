-- Reads the headers and tags of entries, without their values.
-- KEYS: entries   returns: for each the beginning of its bytes, '' where there is none; nothing at all if there are none
if redis.call('EXISTS', unpack(KEYS)) == 0 then return {} end
local heads = {}
for i = 1, #KEYS do
  local bytes = redis.call('GETRANGE', KEYS[i], 0, 41)
  if #bytes == 42 then
    local tags = struct.unpack('>I2', bytes, 41)
    if tags > 0 then bytes = redis.call('GETRANGE', KEYS[i], 0, 41 + tags) end
  end
  heads[i] = bytes
end
return heads
