-- A delivery succeeded: forget it, count it, log it. A second worker's success is only logged.
--
-- KEYS     due, job, tries, endpoint, log
-- ARGV     id, now ms, status, duration ms, log entries kept
-- Returns 1, or 0 when another worker had delivered it.
local first = redis.call('ZREM', KEYS[1], ARGV[1])
local failures = redis.call('HGET', KEYS[3], ARGV[1]) or '0'
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], 'failing_since', 'paused_until')
redis.call('HSET', KEYS[4], 'last_at', ARGV[2], 'last_result', 'delivered ' .. ARGV[3])
redis.call('HINCRBY', KEYS[4], first == 1 and 'delivered' or 'delivered_again', 1)
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[5], '*', 'id', ARGV[1], 'attempt', failures + 1,
  'result', 'delivered', 'status', ARGV[3], 'at', ARGV[2], 'took_ms', ARGV[4])
return first
