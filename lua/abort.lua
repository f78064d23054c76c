-- Gives leases back without writing anything.
-- KEYS: leases   ARGV: token   returns: how many were still the asker's
local held = redis.call('MGET', unpack(KEYS))
local mine = {}
for i = 1, #KEYS do
  if held[i] == ARGV[1] then mine[#mine + 1] = KEYS[i] end
end
if #mine == 0 then return 0 end
return redis.call('DEL', unpack(mine))
