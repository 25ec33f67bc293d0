-- Send a dead letter again, by hand: its schedule begins anew, under the same id.
--
-- KEYS     due, job, tries, endpoint, dead, dead by time
-- ARGV     id, now ms
-- Returns 1, or 0 when it is not among the dead.
local job = redis.call('HGET', KEYS[5], ARGV[1])
if not job then return 0 end
redis.call('HDEL', KEYS[5], ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], job)
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'resent', 1)
return 1
