-- A dead letter was published: move the delivery among the dead, where it can be sent again.
--
-- KEYS     due, job, tries, endpoint, log, dead, dead by time
-- ARGV     id, now ms, why, log entries kept, dead kept, moment before which dead are forgotten
-- Returns 1, or 0 when it was gone.
local job = redis.call('HGET', KEYS[2], ARGV[1])
if not job then return 0 end
local failures = redis.call('HGET', KEYS[3], ARGV[1]) or '0'
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[6], ARGV[1], job)
redis.call('ZADD', KEYS[7], ARGV[2], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'dead', 1)
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[4], '*', 'id', ARGV[1], 'attempt', failures,
  'result', 'dead', 'status', ARGV[3], 'at', ARGV[2], 'took_ms', 0)
local old = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', ARGV[6], 'LIMIT', 0, 100)
local surplus = redis.call('ZCARD', KEYS[7]) - tonumber(ARGV[5])
if #old == 0 and surplus > 0 then old = redis.call('ZRANGE', KEYS[7], 0, math.min(surplus, 100) - 1) end
for _, id in ipairs(old) do
  redis.call('HDEL', KEYS[6], id)
  redis.call('ZREM', KEYS[7], id)
end
return 1
