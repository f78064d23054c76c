-- Writes the entries whose lease is still live and carries the token, and gives those leases back. Tells of leases that
-- are waited for, and of values that were set.
-- KEYS: for each segment: the leases of a partition (see begin), then its entries; then the tag clock when ARGV[2] is '1';
--       then the epoch
-- ARGV: token, '1' to look at tags too, the channel to tell it on ('' = none), who tells, for how many ms after a change loads
--       may read what is older ('0' = never), how many segments, entries in each, then for each entry: ttl in ms, its bytes
-- returns: { a letter for each entry: 'w' written, 'l' lost (deleted, overtaken, or a tag of it invalidated meanwhile or shortly before);
--            the server's time in ms }
local token, tagged, channel, hold, segments = ARGV[1], ARGV[2] == '1', ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Nobody gets the lease of an entry for so long (see delete).
local function holdOff(leases, entry, ms)
  local stem = string.sub(leases, 1, -2) .. 'h'
  redis.call('SET', stem .. string.sub(entry, #stem + 1), '', 'PX', ms)
end

-- Whether an entry may not be written because of its tags; then how long it is held off for a change of one of them.
local function isDead(entry, takenAt)
  local length = struct.unpack('>I2', entry, 41)
  local seq = struct.unpack('>d', entry, 21)
  local fields, times = { 'seq', 'from' }, {}
  if length > 0 then
    for _, tag in ipairs(cjson.decode(string.sub(entry, 51, 50 + length))) do
      fields[#fields + 1] = 't:' .. tag
      if hold > 0 then times[#times + 1] = 'h:' .. tag end
    end
  end
  local marks = redis.call('HMGET', KEYS[#KEYS - 1], unpack(fields))
  if not marks[1] or tonumber(marks[1]) < seq or tonumber(marks[2] or 0) > seq then return true, 0 end
  local dead, last = false, 0
  for i = 3, #marks do
    if marks[i] and tonumber(string.match(marks[i], '^%d+')) > seq then dead = true end
  end
  if #times > 0 then
    for _, at in ipairs(redis.call('HMGET', KEYS[#KEYS - 1], unpack(times))) do
      if at then last = math.max(last, tonumber(at)) end
    end
  end
  return dead or last + hold > takenAt, last + hold - now
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
local known, isLive, isWaited, takenAt
local function isOurs(lease)
  if lease ~= known then
    known = lease
    isLive = lease and string.sub(lease, 1, #token + 1) == token .. ' ' and tonumber(string.match(lease, ' (%d+)')) > now
    isWaited = lease and string.sub(lease, -1) == 'w'
    takenAt = isLive and tonumber(string.match(lease, ' %d+ (%d+)')) or now
  end
  return isLive
end

local letters, written, failed = {}, {}, {}
local at = 1
for segment = 1, segments do
  local leases, n = KEYS[at], tonumber(ARGV[6 + segment])
  local held = redis.call('HMGET', leases, unpack(KEYS, at + 1, at + n))
  local mine = {}
  for i = 1, n do
    local letter = 'l'
    if isOurs(held[i]) then
      local entry = KEYS[at + i]
      local from = 7 + segments + 2 * #letters
      mine[#mine + 1] = entry
      local bytes = sinceCleared(ARGV[from + 1])
      -- What was set was not loaded.
      local isSet = string.sub(ARGV[from + 1], 4, 4) == 's'
      local dead, leftMs = false, 0
      if bytes and tagged then dead, leftMs = isDead(bytes, isSet and math.huge or takenAt) end
      if bytes and not dead then
        redis.call('PSETEX', entry, ARGV[from], bytes)
        letter = 'w'
        if isSet and hold > 0 then holdOff(leases, entry, hold) end
        if isWaited or isSet then written[#written + 1] = entry end
      else
        if leftMs > 0 then holdOff(leases, entry, leftMs) end
        if isWaited then failed[#failed + 1] = entry end
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
