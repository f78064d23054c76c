#!lua
-- Leaves a word at a key, which its next write takes away, unless there is one; answers with that, and what is dirty of it.
-- KEYS: entries, watches   ARGV: key, the word, how many ms watches are kept after the last of them
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return { redis.call('HGET', KEYS[2], ARGV[1]), redis.call('HGET', KEYS[1], ARGV[1]) }
