-- Writes down that a slot of a schedule has been dealt with, unless a later one has been already.
-- KEYS[1]  hash of the state of all schedules
-- ARGV[1]  name of the schedule
-- ARGV[2]  slot, epoch ms
-- ARGV[3]  id of the job made for it; '' when it was skipped
-- ARGV[4]  how far a slot may lie ahead of this server's clock, ms: a replica whose clock runs ahead must not make
--          the others believe that their slots are over
-- Returns 1 when this call dealt with it, 0 when it had been
local time = redis.call('TIME')
local slot = tonumber(ARGV[2])
if slot > time[1] * 1000 + time[2] / 1000 + tonumber(ARGV[4]) then return 0 end
local last = tonumber(redis.call('HGET', KEYS[1], ARGV[1] .. '|last') or '0')
if last >= slot then return 0 end
redis.call('HSET', KEYS[1], ARGV[1] .. '|last', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], ARGV[1] .. '|job', ARGV[3]) end
return 1
