-- The person does not allow what the endpoint is for: forget the delivery, count it, log it.
--
-- KEYS     due, job, tries, endpoint, log
-- ARGV     id, now ms, purpose, log entries kept
-- Returns 1, or 0 when it was gone.
local first = redis.call('ZREM', KEYS[1], ARGV[1])
local failures = redis.call('HGET', KEYS[3], ARGV[1]) or '0'
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if first == 0 then return 0 end
redis.call('HINCRBY', KEYS[4], 'withheld', 1)
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[4], '*', 'id', ARGV[1], 'attempt', failures + 1,
  'result', 'withheld', 'status', 'no consent to ' .. ARGV[3], 'at', ARGV[2], 'took_ms', 0)
return 1
