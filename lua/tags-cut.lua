-- Notes when the tag clock stood where, and answers where it stood `keep` ms ago: no living entry is older than that.
-- KEYS: the tag clock   ARGV: keep ms   returns: seq then, or nothing while that is not known
-- The notes are one field, `seen`: 'ms:seq ms:seq ...', oldest first. Not a reading of time decides what is dead, only
-- what may be forgotten; it is the clock by which Redis itself expires entries.
local seq = redis.call('HGET', KEYS[1], 'seq')
if not seq then return false end
local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
-- The longest that was ever asked for: entries of an older configuration, or of another one, may live that long.
local keep = math.max(tonumber(ARGV[1]), tonumber(redis.call('HGET', KEYS[1], 'keep') or '0'))
redis.call('HSET', KEYS[1], 'keep', string.format('%.0f', keep))
local cut, last, kept = false, 0, {}
for at, was in string.gmatch(redis.call('HGET', KEYS[1], 'seen') or '', '(%d+):(%d+)') do
  if tonumber(at) <= now - keep then
    cut = was
  else
    kept[#kept + 1] = at .. ':' .. was
  end
  last = tonumber(at)
end
-- A hundred notes over the time that is kept are enough.
if now - last >= keep / 100 then kept[#kept + 1] = string.format('%.0f:%s', now, seq) end
if cut then table.insert(kept, 1, string.format('%.0f:%s', now - keep, cut)) end
redis.call('HSET', KEYS[1], 'seen', table.concat(kept, ' '))
return cut
