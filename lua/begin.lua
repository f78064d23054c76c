-- Takes the lease of every key that has neither an entry nor a lease.
-- KEYS: entry, lease for each key
-- ARGV: token, lease ms, 'value' | 'head' | 'none' (take the lease whatever entry there is);
--       then, where some entry is of no use to the asker, for each key: its beginning, or ''
-- returns: { a letter for each key: 'o' own, 'b' busy, 'e' entry; then the bytes of those entries, in order }
local token, ms, want = ARGV[1], ARGV[2], ARGV[3]
local n = #KEYS / 2

local any = false
if want ~= 'none' then
  local entries = {}
  for i = 1, n do entries[i] = KEYS[2 * i - 1] end
  any = redis.call('EXISTS', unpack(entries)) > 0
end

local letters, found = {}, {}
for i = 1, n do
  local bytes
  if any then
    local entry = KEYS[2 * i - 1]
    if want == 'value' then
      bytes = redis.call('GET', entry)
    else
      bytes = redis.call('GETRANGE', entry, 0, 41)
      if #bytes == 42 then
        local tags = struct.unpack('>I2', bytes, 41)
        if tags > 0 then bytes = redis.call('GETRANGE', entry, 0, 41 + tags) end
      end
    end
    if bytes == '' then bytes = false end
    local past = ARGV[3 + i]
    if bytes and past and past ~= '' and string.sub(bytes, 1, #past) == past then bytes = false end
  end
  if bytes then
    letters[i] = 'e'
    found[#found + 1] = bytes
  elseif redis.call('SET', KEYS[2 * i], token, 'NX', 'PX', ms) then
    letters[i] = 'o'
  elseif redis.call('GET', KEYS[2 * i]) == token then
    letters[i] = 'o'
  else
    letters[i] = 'b'
  end
end
return { table.concat(letters), unpack(found) }
