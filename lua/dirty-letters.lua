#!lua flags=allow-oom
-- Decides about dead letters: makes them dirty again under their own version, or gives them up.
-- KEYS: entries, index, state (see dirty-write), dead letters   ARGV: 'retry' | 'drop', keys; none = all
-- returns: how many
local d, z, c, x = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fields = {}
for i = 2, #ARGV do fields[#fields + 1] = ARGV[i] end
if #fields == 0 then fields = redis.call('HKEYS', x) end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local done = 0
for _, field in ipairs(fields) do
  local letter = redis.call('HGET', x, field)
  if letter then
    if ARGV[1] == 'retry' and redis.call('HEXISTS', d, field) == 0 then
      redis.call('HSET', d, field, string.sub(letter, 20 + tonumber(string.sub(letter, 14, 19))))
      redis.call('ZADD', z, now, field)
    else
      redis.call('HINCRBY', c, 'x', 1)
    end
    redis.call('HDEL', x, field)
    done = done + 1
  end
end
return done
