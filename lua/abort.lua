-- Gives leases back without writing anything.
-- KEYS: leases   ARGV: token   returns: a letter for each: 'o' was still the asker's, 'l' lost
local held = redis.call('MGET', unpack(KEYS))
local letters, mine = {}, {}
for i = 1, #KEYS do
  letters[i] = 'l'
  if held[i] == ARGV[1] then
    letters[i] = 'o'
    mine[#mine + 1] = KEYS[i]
  end
end
if #mine > 0 then redis.call('DEL', unpack(mine)) end
return table.concat(letters)
