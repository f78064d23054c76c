-- Writes the entries whose lease is still live and carries the token, and gives those leases back. Tells of leases that
-- are waited for, and of values that were set.
-- KEYS: for each segment: the leases of a partition (see begin), then its entries; then the tag clock when ARGV[2] is '1';
--       then the epoch
-- ARGV: token, '1' to look at tags too, the channel to tell it on ('' = none), who tells, how many segments, entries in each, then for each entry: ttl in ms, its bytes
-- returns: { a letter for each entry: 'w' written, 'l' lost (deleted, overtaken, or a tag of it invalidated meanwhile);
--            the server's time in ms }
local token, tagged, channel, segments = ARGV[1], ARGV[2] == '1', ARGV[3], tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function isDead(entry)
  local length = struct.unpack('>I2', entry, 41)
  local seq = struct.unpack('>d', entry, 21)
  local fields = { 'seq', 'from' }
  if length > 0 then
    for _, tag in ipairs(cjson.decode(string.sub(entry, 51, 50 + length))) do fields[#fields + 1] = 't:' .. tag end
  end
  local marks = redis.call('HMGET', KEYS[#KEYS - 1], unpack(fields))
  if not marks[1] or tonumber(marks[1]) < seq or tonumber(marks[2] or 0) > seq then return true end
  for i = 3, #marks do
    if marks[i] and tonumber(string.match(marks[i], '^%d+')) > seq then return true end
  end
  return false
end

-- Clearing a cache takes all leases away, so who holds one has loaded since. An entry of a cache without tags says so;
-- one with tags says where the tag clock stood, and that may have been read just before.
local epoch = tonumber(redis.call('GET', KEYS[#KEYS]))
local function sinceCleared(entry)
  if not epoch or struct.unpack('>d', entry, 21) >= epoch then return entry end
  if tagged then return nil end
  return string.sub(entry, 1, 20) .. struct.pack('>d', epoch) .. string.sub(entry, 29)
end

-- Leases taken together are alike: what was found out about one holds for the next.
local known, isLive, isWaited
local function isOurs(lease)
  if lease ~= known then
    known = lease
    isLive = lease and string.sub(lease, 1, #token + 1) == token .. ' ' and tonumber(string.match(lease, ' (%d+)')) > now
    isWaited = lease and string.sub(lease, -1) == 'w'
  end
  return isLive
end

local letters, written, failed = {}, {}, {}
local at = 1
for segment = 1, segments do
  local leases, n = KEYS[at], tonumber(ARGV[5 + segment])
  local held = redis.call('HMGET', leases, unpack(KEYS, at + 1, at + n))
  local mine = {}
  for i = 1, n do
    local letter = 'l'
    if isOurs(held[i]) then
      local entry = KEYS[at + i]
      local from = 6 + segments + 2 * #letters
      mine[#mine + 1] = entry
      local bytes = sinceCleared(ARGV[from + 1])
      if bytes and not (tagged and isDead(bytes)) then
        redis.call('PSETEX', entry, ARGV[from], bytes)
        letter = 'w'
        if isWaited or string.sub(ARGV[from + 1], 4, 4) == 's' then written[#written + 1] = entry end
      elseif isWaited then
        failed[#failed + 1] = entry
      end
    end
    letters[#letters + 1] = letter
  end
  if #mine > 0 then redis.call('HDEL', leases, unpack(mine)) end
  at = at + n + 1
end
local function tell(kind, entries)
  if channel == '' or #entries == 0 then return end
  redis.pcall('PUBLISH', channel, cjson.encode({ o = ARGV[4], k = kind, e = entries }))
end
tell('written', written)
tell('failed', failed)
return { table.concat(letters), string.format('%.3f', time[1] * 1000 + time[2] / 1000) }
