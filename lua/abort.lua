-- Gives leases back without writing anything.
-- KEYS: the leases of a partition (see begin), entries   ARGV: token
-- returns: a letter for each entry: 'o' its lease was live and the asker's, 'l' lost
local token = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], unpack(KEYS, 2))
local letters, mine = {}, {}
for i = 1, #held do
  letters[i] = 'l'
  if held[i] and string.sub(held[i], 1, #token + 1) == token .. ' ' then
    mine[#mine + 1] = KEYS[i + 1]
    if tonumber(string.match(held[i], '%d+$')) > now then letters[i] = 'o' end
  end
end
if #mine > 0 then redis.call('HDEL', KEYS[1], unpack(mine)) end
return table.concat(letters)
