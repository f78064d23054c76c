-- Gives leases back without writing anything, and tells of those that are waited for.
-- KEYS: the leases of a partition (see begin), entries   ARGV: token, the channel to tell it on ('' = none), who tells
-- returns: a letter for each entry: 'o' its lease was live and the asker's, 'l' lost
local token = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], unpack(KEYS, 2))
local letters, mine, waited = {}, {}, {}
for i = 1, #held do
  letters[i] = 'l'
  if held[i] and string.sub(held[i], 1, #token + 1) == token .. ' ' then
    mine[#mine + 1] = KEYS[i + 1]
    if string.sub(held[i], -1) == 'w' then waited[#waited + 1] = KEYS[i + 1] end
    if tonumber(string.match(held[i], ' (%d+)')) > now then letters[i] = 'o' end
  end
end
if #mine > 0 then redis.call('HDEL', KEYS[1], unpack(mine)) end
if ARGV[2] ~= '' and #waited > 0 then
  redis.pcall('PUBLISH', ARGV[2], cjson.encode({ o = ARGV[3], k = 'failed', e = waited }))
end
return table.concat(letters)
