-- Takes the lease of every key that has neither an entry nor a lease.
-- KEYS: for each segment: the leases of a partition (hash: entry -> 'token ends-at-ms'), then its entries; then the epoch
-- ARGV: token, lease ms, 'value' | 'head' | 'none' (take the lease whatever entry there is) | 'write' (as 'none', held off
--       or not) | 'refresh' (as 'head', and leases at rest count as held, see abort), letters: 'w' = mark leases of others as
--       waited for (' w' at their end: who ends them says so), 'h' = the cache holds off (see delete), and leases say when
--       they were taken, too; how many segments, entries in each; then, where some entry is of no use to the asker, for each entry: its beginning, or ''
-- returns: { a letter for each entry: 'o' own, 'b' busy, 'h' held off, 'e' there is one; then the bytes of those, in order }
local token, ms, want, segments = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[5])
local waits, holds = string.find(ARGV[4], 'w', 1, true), string.find(ARGV[4], 'h', 1, true)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local value = string.format('%s %.0f', token, now + ms)
if holds then value = string.format('%s %.0f', value, now) end
local knowsPast = ARGV[6 + segments] ~= nil
-- Redis keeps a small hash as a list and walks it for each field, until a value is too long for that.
local long = string.rep('-', 65)
local many = 32
-- Entries from before the cache was cleared are none.
local epoch = tonumber(redis.call('GET', KEYS[#KEYS]))

local function bytesOf(entry)
  if want == 'value' then return redis.call('GET', entry) end
  local bytes = redis.call('GETRANGE', entry, 0, 49)
  if #bytes == 50 then
    local tags = struct.unpack('>I2', bytes, 41)
    if tags > 0 then bytes = redis.call('GETRANGE', entry, 0, 49 + tags) end
  end
  return bytes
end

-- For which of some entries nobody gets the lease now; the first is for all of them.
local function heldOf(leases, from, to)
  local stem = string.sub(leases, 1, -2) .. 'h'
  local marks = { stem }
  for i = from, to do marks[#marks + 1] = stem .. string.sub(KEYS[i], #stem + 1) end
  return redis.call('MGET', unpack(marks))
end

local function hasNone(marks, n)
  for i = 1, n do
    if marks[i] then return false end
  end
  return true
end

local letters, found, asked = {}, {}, 0
local swept = now % segments + 1
local at = 1
for segment = 1, segments do
  local leases, n = KEYS[at], tonumber(ARGV[5 + segment])
  local held = redis.call('HMGET', leases, unpack(KEYS, at + 1, at + n))
  local any = want ~= 'none' and want ~= 'write' and redis.call('EXISTS', unpack(KEYS, at + 1, at + n)) > 0
  local off = holds and want ~= 'write' and heldOf(leases, at + 1, at + n)
  local taken, marked = {}, {}
  local rest = n
  -- Nothing is there, held or held off: all are taken as they stand.
  if not any and hasNone(held, n) and (not off or hasNone(off, n + 1)) then
    for i = 1, n do
      taken[2 * i - 1] = KEYS[at + i]
      taken[2 * i] = value
    end
    letters[#letters + 1] = string.rep('o', n)
    rest = 0
  end
  for i = 1, rest do
    local entry, letter = KEYS[at + i], nil
    if any then
      local bytes = bytesOf(entry)
      if bytes == '' then bytes = false end
      if bytes and epoch and #bytes >= 28 and struct.unpack('>d', bytes, 21) < epoch then bytes = false end
      if bytes and knowsPast then
        local past = ARGV[5 + segments + asked + i]
        if past ~= '' and string.sub(bytes, 1, #past) == past then bytes = false end
      end
      if bytes then
        letter = 'e'
        found[#found + 1] = bytes
      end
    end
    if not letter then
      local other = held[i]
      if off and (off[1] or off[i + 1]) then
        letter = 'h'
      elseif other and string.sub(other, 1, #token + 1) ~= token .. ' ' and tonumber(string.match(other, ' (%d+)')) > now
        and (want == 'refresh' or string.sub(other, 1, 1) ~= '!') then
        letter = 'b'
        if waits and string.sub(other, -1) ~= 'w' then
          marked[#marked + 1] = entry
          marked[#marked + 1] = other .. ' w'
        end
      else
        letter = 'o'
        taken[#taken + 1] = entry
        -- Those who waited for a holder that died wait for its successor.
        taken[#taken + 1] = other and string.sub(other, -1) == 'w' and value .. ' w' or value
      end
    end
    letters[#letters + 1] = letter
  end
  if #marked > 0 then redis.call('HSET', leases, unpack(marked)) end
  if #taken > 0 then
    if #taken >= many then redis.call('HSET', leases, '', long) end
    redis.call('HSET', leases, unpack(taken))
    if #taken >= many then redis.call('HDEL', leases, '') end
    if redis.call('PTTL', leases) < 2 * ms then redis.call('PEXPIRE', leases, 2 * ms) end
    -- Leases of processes that died go bit by bit, and whole partitions of them by themselves.
    if segment == swept then
      local some = redis.call('HRANDFIELD', leases, 2, 'WITHVALUES')
      for i = 2, #some, 2 do
        if tonumber(string.match(some[i], ' (%d+)')) <= now then redis.call('HDEL', leases, some[i - 1]) end
      end
    end
  end
  asked = asked + n
  at = at + n + 1
end
return { table.concat(letters), unpack(found) }
