#!lua
-- Takes writes into the buffer: version, entry, index and counts at once, or nothing of a key. Refused by a full server.
-- An operation that was taken before is answered with its version and changes nothing. It is known by its entry; when its
-- name was given, by that; else by what its call was answered, which is kept until the caller says that the answer came.
-- KEYS: the calls of the caller (hash: name -> what it was answered; '!' -> when one of its operations was taken for
--       somebody who asked again); for each group of partitions that have them in common: state (hash: v last version,
--       a accepted, m coalesced, f flushed, x dropped), watches (hash), operations (sorted set: name, ' ', key -> version),
--       then for each of its partitions: entries (hash), index (sorted set by the first dirty version); then calls of makers
--       of operations that are asked for again; then, where the cache is here, too, for each write: the leases of its cached
--       entry (see begin) and that entry, which are gone when the write is taken
-- ARGV: the call, the names of its operations with spaces between, how many µs and how many operations are remembered, how
--       many arguments a write has, how many keys of the cache are at the end of KEYS, how many groups; for each: soft mark,
--       hard mark, how many partitions; for each of those: how many writes; for each write: key, what follows the version in its entry (see src/dirty/entry.ts), and, of
--       four: the operation if it may have been asked for before else '', the word it was watched under or ''; then calls
--       whose answers came
-- returns: for each write, divided by spaces: its version, with a '+' before it above the soft mark, a '=' when it was taken
--          before; 'F' full; 'L' overtaken
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local told, lists = {}, {}
local calls, keptUs, most, width = KEYS[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local cached, groups = tonumber(ARGV[6]), tonumber(ARGV[7])
local keptMs = math.ceil(keptUs / 1000)
local d, o, state, last, accepted, merged, before
local hasNamed = false

local function keep()
  if accepted > before then
    redis.call('HSET', state, 'v', string.format('%.0f', last), 'a', string.format('%.0f', accepted), 'm', string.format('%.0f', merged))
  end
  if hasNamed then
    redis.call('ZREMRANGEBYSCORE', o, '-inf', string.format('%.0f', now - keptUs))
    redis.call('ZREMRANGEBYRANK', o, 0, -(most + 1))
    redis.call('PEXPIRE', o, keptMs)
    hasNamed = false
  end
end

-- A call may come after its operation was asked for again: only then its own are looked for.
local names
local repeatedAt = redis.call('HGET', calls, '!')
if repeatedAt and now - tonumber(repeatedAt) < keptUs then
  names = {}
  for name in string.gmatch(ARGV[2], '%S+') do names[#names + 1] = name end
end

local partitions = 0
for group = 1, groups do partitions = partitions + tonumber(ARGV[7 + 3 * group]) end
local callsOf, versionsOf = {}, {}
for i = 2 + 3 * groups + 2 * partitions, #KEYS - cached do callsOf[string.sub(KEYS[i], -11)] = KEYS[i] end

-- The versions that calls were answered of which nobody knows whether the answer came.
local function answersOf(maker)
  if versionsOf[maker] then return versionsOf[maker] end
  local found = {}
  versionsOf[maker] = found
  local all = callsOf[maker] and redis.call('HGETALL', callsOf[maker]) or {}
  for i = 1, #all, 2 do
    if all[i] ~= '!' then
      local operations, answers, keys = cmsgpack.unpack(all[i + 1])
      local nextName, nextAnswer = string.gmatch(operations, '%S+'), string.gmatch(answers, '%S+')
      for list = 1, #keys, 2 do
        for _, field in ipairs(keys[list + 1]) do
          local name, version = nextName(), string.match(nextAnswer(), '^[+=]?(%d+)$')
          if version then found[keys[list] .. ' ' .. name .. ' ' .. field] = version end
        end
      end
    end
  end
  return found
end

local function makerOf(operation) return string.sub(operation, 12, 12) == '.' and string.sub(operation, 1, 11) end

local function takenBefore(operation, field)
  local known = redis.call('HGET', d, field)
  if known and string.byte(known) == 49 and string.sub(known, 22, 21 + tonumber(string.sub(known, 20, 21))) == operation then
    return string.sub(known, 2, 17)
  end
  local version = redis.call('ZSCORE', o, operation .. ' ' .. field)
  if version then return string.format('%016.0f', version) end
  local maker = makerOf(operation)
  return maker and answersOf(maker)[state .. ' ' .. operation .. ' ' .. field]
end

local function remember(operation, field, version)
  redis.call('ZADD', o, version, operation .. ' ' .. field)
  hasNamed = true
  local by = callsOf[makerOf(operation)]
  if by then
    redis.call('HSET', by, '!', string.format('%.0f', now))
    redis.call('PEXPIRE', by, keptMs)
  end
end

local nextKey, nextCount = 2, 8 + 3 * groups
local at = nextCount + partitions
for group = 1, groups do
  local soft, hard = tonumber(ARGV[5 + 3 * group]), tonumber(ARGV[6 + 3 * group])
  local w
  state, w, o = KEYS[nextKey], KEYS[nextKey + 1], KEYS[nextKey + 2]
  nextKey = nextKey + 3
  local known = redis.call('HMGET', state, 'v', 'a', 'm')
  last, accepted, merged = tonumber(known[1] or 0), tonumber(known[2] or 0), tonumber(known[3] or 0)
  before = accepted
  local isWatched = redis.call('EXISTS', w) == 1
  local fields = {}
  lists[2 * group - 1], lists[2 * group] = state, fields
  for _ = 1, tonumber(ARGV[7 + 3 * group]) do
    local z
    d, z = KEYS[nextKey], KEYS[nextKey + 1]
    nextKey = nextKey + 2
    local count = redis.call('HLEN', d)
    for _ = 1, tonumber(ARGV[nextCount]) do
      local field, tail, operation, word = ARGV[at], ARGV[at + 1], '', ''
      if width == 4 then operation, word = ARGV[at + 2], ARGV[at + 3] end
      at = at + width
      fields[#fields + 1] = field
      local asked = operation ~= '' and operation or names and names[#told + 1]
      local taken = asked and takenBefore(asked, field)
      if taken then
        told[#told + 1] = '=' .. taken
      elseif word ~= '' and not (isWatched and redis.call('HGET', w, field) == word) then
        told[#told + 1] = 'L'
      elseif count >= hard and redis.call('HEXISTS', d, field) == 0 then
        told[#told + 1] = 'F'
      else
        last = now > last and now or last + 1
        local version = string.format('%016.0f', last)
        if redis.call('HSET', d, field, '1' .. version .. tail) == 1 then
          redis.call('ZADD', z, 'NX', version, field)
          count = count + 1
        else
          merged = merged + 1
        end
        if isWatched then redis.call('HDEL', w, field) end
        if operation ~= '' then remember(operation, field, version) end
        if cached > 0 then
          local entry = #KEYS - cached + 2 * #told + 2
          redis.call('HDEL', KEYS[entry - 1], KEYS[entry])
          redis.call('UNLINK', KEYS[entry])
        end
        accepted = accepted + 1
        told[#told + 1] = count > soft and '+' .. version or version
      end
    end
    nextCount = nextCount + 1
  end
  keep()
end
local answer = table.concat(told, ' ')
if at <= #ARGV then redis.call('HDEL', calls, unpack(ARGV, at)) end
redis.call('HSET', calls, ARGV[1], cmsgpack.pack(ARGV[2], answer, lists))
redis.call('PEXPIRE', calls, keptMs)
return answer
