-- Grants ids to load at a given moment, or says when to ask again: a rate without bursts (GCRA), and places for loads
-- at once.
-- KEYS: the origin's budget (hash: perSecond, concurrency, factor, tat, usual:*), its places (zset: grant, ends at ms)
-- ARGV: ids wished, grant, rate of the definition ('' = unlimited), its places, ms a place lasts, ms of work a grant may
--       hold, ms a grant may be early, cache, now in ms ('' = the server's clock)
-- returns: { 'granted' | 'wait' | 'full' | 'stopped', ids, ms until the load may begin or to wait, factor, usual times of such loads or '', places,
--            rate or '', the time here }
local budget, places = KEYS[1], KEYS[2]
local wished, grain, early = tonumber(ARGV[1]), tonumber(ARGV[6]), tonumber(ARGV[7])
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
  return { kind, ids, math.ceil(wait), tostring(factor), usual or '', most, rate and tostring(rate) or '', string.format('%.3f', now) }
end

if rate == 0 then return answer('stopped', 0, 0) end
redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
if redis.call('ZCARD', places) >= most then return answer('full', 0, 10) end

local ids, start = wished, now
if rate and rate < math.huge then
  local perMs = rate * factor / 1000
  ids = math.min(wished, math.max(1, math.floor(perMs * grain)))
  start = math.max(tonumber(held[4] or 0), now)
  -- A clock that was set back must not stop the loads until it is where it was.
  local longest = now + 60000 + 2 * ids / perMs
  if start > longest then
    start = longest
    redis.call('HSET', budget, 'tat', string.format('%.3f', start))
  end
  if start - now > early then return answer('wait', 0, start - now - early) end
  redis.call('HSET', budget, 'tat', string.format('%.3f', start + ids / perMs))
end
redis.call('ZADD', places, start + ARGV[5], ARGV[2])
return answer('granted', ids, start - now)
