#!lua flags=allow-oom
-- Takes the partitions that hold something and are nobody's, and keeps those that the holder has.
-- KEYS: for each partition: its lease, its entries   ARGV: the holder, ms
-- returns: the places of the partitions that are the holder's, from 0
local told = {}
for i = 1, #KEYS, 2 do
  local holder = redis.call('GET', KEYS[i])
  if holder == ARGV[1] then
    redis.call('PEXPIRE', KEYS[i], ARGV[2])
    told[#told + 1] = (i - 1) / 2
  elseif not holder and redis.call('EXISTS', KEYS[i + 1]) == 1 then
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
    told[#told + 1] = (i - 1) / 2
  end
end
return told
