#!lua
-- Adds to a dirty number, once for each operation.
-- KEYS: entries, index, state, watches (see dirty-write), additions (sorted set: operation, ' ', key -> version); where the
--       cache is here, too: the leases of the key's cached entry (see begin) and that entry
-- ARGV: key, what to add, the operation, how many µs and how many operations are remembered
-- returns: { version, the sum }; { 'L' } when the key is not dirty or no plain JSON number
local d, z, c, w, o = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local field, by, operation = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local known = redis.call('HGET', d, field)
if not known or string.byte(known) ~= 49 or string.sub(known, 18, 19) ~= 'U0' then return { 'L' } end
local body = string.sub(known, 22 + tonumber(string.sub(known, 20, 21)))
local value = string.match(body, '^%-?%d[%d%.eE%+%-]*$') and tonumber(body)
if not value then return { 'L' } end
local done = redis.call('ZSCORE', o, operation .. ' ' .. field)
if done then return { string.format('%.0f', done), body } end
local sum = value + by
if sum ~= sum or sum == math.huge or sum == -math.huge then return { 'L' } end
local text = (sum == math.floor(sum) and math.abs(sum) < 9007199254740992) and string.format('%.0f', sum)
  or string.format('%.17g', sum)
if text == '-0' then text = '0' end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('HGET', c, 'v') or 0)
last = now > last and now or last + 1
local version = string.format('%016.0f', last)
redis.call('HSET', d, field, '1' .. version .. 'U0' .. string.format('%02d', #operation) .. operation .. text)
redis.call('HDEL', w, field)
redis.call('HSET', c, 'v', string.format('%.0f', last))
redis.call('HINCRBY', c, 'a', 1)
redis.call('HINCRBY', c, 'm', 1)
redis.call('ZADD', o, version, operation .. ' ' .. field)
redis.call('ZREMRANGEBYSCORE', o, '-inf', string.format('%.0f', now - tonumber(ARGV[4])))
redis.call('ZREMRANGEBYRANK', o, 0, -(tonumber(ARGV[5]) + 1))
redis.call('PEXPIRE', o, math.ceil(tonumber(ARGV[4]) / 1000))
if KEYS[7] then
  redis.call('HDEL', KEYS[6], KEYS[7])
  redis.call('UNLINK', KEYS[7])
end
return { version, text }
