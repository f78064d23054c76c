-- Gives leases back without writing anything, and tells of those that are waited for.
-- KEYS: the leases of a partition (see begin), entries
-- ARGV: token, the channel to tell it on ('' = none), who tells; then, where no refresh is to try again soon: for how
--       many ms. Such a lease is at rest: its token is gone and '!' stands there, so that who needs the key may take it,
--       and who would only refresh it may not.
-- returns: a letter for each entry: 'o' its lease was live and the asker's, 'l' lost
local token, rest = ARGV[1], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], unpack(KEYS, 2))
local letters, mine, resting, waited = {}, {}, {}, {}
for i = 1, #held do
  letters[i] = 'l'
  if held[i] and string.sub(held[i], 1, #token + 1) == token .. ' ' then
    local isLive = tonumber(string.match(held[i], ' (%d+)')) > now
    if isLive then letters[i] = 'o' end
    if string.sub(held[i], -1) == 'w' then waited[#waited + 1] = KEYS[i + 1] end
    if isLive and rest then
      resting[#resting + 1] = KEYS[i + 1]
      resting[#resting + 1] = string.format('! %.0f', now + rest)
    else
      mine[#mine + 1] = KEYS[i + 1]
    end
  end
end
if #mine > 0 then redis.call('HDEL', KEYS[1], unpack(mine)) end
if #resting > 0 then
  redis.call('HSET', KEYS[1], unpack(resting))
  if redis.call('PTTL', KEYS[1]) < rest then redis.call('PEXPIRE', KEYS[1], rest) end
end
if ARGV[2] ~= '' and #waited > 0 then
  redis.pcall('PUBLISH', ARGV[2], cjson.encode({ o = ARGV[3], k = 'failed', e = waited }))
end
return table.concat(letters)
