-- Grants ids to load now, or says how long to wait: a rate without bursts (GCRA), and places for loads at once.
-- KEYS: the origin's budget (hash: perSecond, concurrency, factor, tat, usual:*), its places (zset: grant, ends at ms)
-- ARGV: ids wished, grant, rate of the definition ('' = unlimited), its places, ms a place lasts, ms of work a grant may
--       hold, ms by which late askers may catch up, cache, now in ms ('' = the server's clock)
-- returns: { 'granted' | 'wait' | 'full' | 'stopped', ids, ms to wait, factor, usual times of such loads or '', places,
--            rate or '' }
local budget, places = KEYS[1], KEYS[2]
local wished, grain, slack = tonumber(ARGV[1]), tonumber(ARGV[6]), tonumber(ARGV[7])
local now = tonumber(ARGV[9])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end

local held = redis.call('HMGET', budget, 'perSecond', 'concurrency', 'factor', 'tat')
local rate = tonumber(held[1] or ARGV[3])
local factor = tonumber(held[3] or 1)
local most = math.max(1, math.floor(tonumber(held[2] or ARGV[4]) * factor + 0.5))
local function answer(kind, ids, wait)
  local usual
  if ids > 0 then usual = redis.call('HGET', budget, 'usual:' .. ARGV[8] .. ':' .. math.floor(math.log10(ids) / math.log10(2) + 1e-9)) end
  return { kind, ids, math.ceil(wait), tostring(factor), usual or '', most, rate and tostring(rate) or '' }
end

if rate == 0 then return answer('stopped', 0, 0) end
redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
if redis.call('ZCARD', places) >= most then return answer('full', 0, 10) end

local ids = wished
if rate and rate < math.huge then
  local perMs = rate * factor / 1000
  ids = math.min(wished, math.max(1, math.floor(perMs * grain)))
  local tat = math.max(tonumber(held[4] or 0), now - slack)
  if tat > now then return answer('wait', 0, tat - now) end
  redis.call('HSET', budget, 'tat', string.format('%.3f', tat + ids / perMs))
end
redis.call('ZADD', places, now + ARGV[5], ARGV[2])
return answer('granted', ids, 0)
