-- Lets entries live longer that are still the same.
-- KEYS: entries of one partition
-- ARGV: for each: its beginning, fresh until, stale until (ms since the epoch), how long it is kept in ms, when it
--       was found to be current ('' = nobody asked), for which plan and row
for i = 1, #KEYS do
  local from = 7 * i - 6
  local past = ARGV[from]
  if redis.call('GETRANGE', KEYS[i], 0, #past - 1) == past then
    redis.call('SETRANGE', KEYS[i], 12, struct.pack('>d', tonumber(ARGV[from + 1])))
    redis.call('SETRANGE', KEYS[i], 42, struct.pack('>d', tonumber(ARGV[from + 2])))
    if ARGV[from + 4] ~= '' then
      redis.call('SETRANGE', KEYS[i], 3, 'f' .. struct.pack('>d', tonumber(ARGV[from + 4])))
      redis.call('SETRANGE', KEYS[i], 28, struct.pack('>I4I4', tonumber(ARGV[from + 5]), tonumber(ARGV[from + 6])))
    end
    redis.call('PEXPIRE', KEYS[i], ARGV[from + 3])
  end
end
