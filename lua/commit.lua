-- Writes the entries whose lease still carries the token, and gives those leases back.
-- KEYS: entry, lease for each key; then the tag clock when ARGV[3] is '1'
-- ARGV: token, records (f64 ttl ms, u32 length, entry; big-endian) one after the other, '1' to look at tags too
-- returns: a letter for each key: 'w' written, 'l' lost (deleted, overtaken, or a tag of it invalidated meanwhile)
local token, records, tagged = ARGV[1], ARGV[2], ARGV[3] == '1'
local n = math.floor(#KEYS / 2)
local leases = {}
for i = 1, n do leases[i] = KEYS[2 * i] end
local held = redis.call('MGET', unpack(leases))

local function isDead(entry)
  local length = struct.unpack('>I2', entry, 41)
  local seq = struct.unpack('>d', entry, 21)
  local fields = { 'seq', 'from' }
  if length > 0 then
    for _, tag in ipairs(cjson.decode(string.sub(entry, 43, 42 + length))) do fields[#fields + 1] = 't:' .. tag end
  end
  local marks = redis.call('HMGET', KEYS[#KEYS], unpack(fields))
  if not marks[1] or tonumber(marks[1]) < seq or tonumber(marks[2] or 0) > seq then return true end
  for i = 3, #marks do
    if marks[i] and tonumber(marks[i]) > seq then return true end
  end
  return false
end

local letters, mine, at = {}, {}, 1
for i = 1, n do
  local ttl, length = struct.unpack('>dI4', records, at)
  local entry = string.sub(records, at + 12, at + 11 + length)
  at = at + 12 + length
  letters[i] = 'l'
  if held[i] == token then
    mine[#mine + 1] = leases[i]
    if not (tagged and isDead(entry)) then
      redis.call('SET', KEYS[2 * i - 1], entry, 'PX', ttl)
      letters[i] = 'w'
    end
  end
end
if #mine > 0 then redis.call('DEL', unpack(mine)) end
return table.concat(letters)
