#!lua flags=allow-oom
-- Puts rows aside that the origin refuses, if they are still of that version.
-- KEYS: entries, index, state (see dirty-write), dead letters
-- ARGV: most dead letters; then for each row: key, version, why (JSON)
-- returns: a letter for each: 'd' dead, 'c' changed or gone, 'f' no room
local d, z, c, x = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local told = ''
for i = 2, #ARGV, 3 do
  local field, version, why = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local entry = redis.call('HGET', d, field)
  if not entry or tonumber(string.sub(entry, 2, 17)) ~= tonumber(version) then
    told = told .. 'c'
  else
    local isKnown = redis.call('HEXISTS', x, field) == 1
    if not isKnown and redis.call('HLEN', x) >= tonumber(ARGV[1]) then
      told = told .. 'f'
    else
      redis.call('HSET', x, field, string.format('%013d%06d', at, #why) .. why .. entry)
      redis.call('HDEL', d, field)
      redis.call('ZREM', z, field)
      if isKnown then redis.call('HINCRBY', c, 'x', 1) end
      told = told .. 'd'
    end
  end
end
return told
