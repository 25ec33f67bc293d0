-- An attempt failed: count it, set the next one, disable the endpoint when it is time.
--
-- KEYS     due, tries, endpoint, log
-- ARGV     id, failures before, now ms, next due ms, why, duration ms, log entries kept,
--          failing ms after which the endpoint is disabled, disable at once ('' or why),
--          moment until which the endpoint wants peace (ms, 0: does not say)
-- Returns {1 when this attempt counted (no other worker was faster), why it is disabled now or ''}.
local id, now = ARGV[1], tonumber(ARGV[3])
redis.call('HSETNX', KEYS[3], 'failing_since', ARGV[3])
redis.call('HSET', KEYS[3], 'last_at', ARGV[3], 'last_result', 'failed: ' .. ARGV[5])
redis.call('HINCRBY', KEYS[3], 'failed', 1)
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'id', id, 'attempt', ARGV[2] + 1,
  'result', 'failed', 'status', ARGV[5], 'at', ARGV[3], 'took_ms', ARGV[6])
if tonumber(ARGV[10]) > now then redis.call('HSET', KEYS[3], 'paused_until', ARGV[10]) end

local newly = ''
if redis.call('HEXISTS', KEYS[3], 'disabled') == 0 then
  local failing_ms = now - tonumber(redis.call('HGET', KEYS[3], 'failing_since'))
  newly = ARGV[9]
  if newly == '' and failing_ms >= tonumber(ARGV[8]) then
    newly = 'no success for ' .. string.format('%.1f', failing_ms / 86400000) .. ' days'
  end
  if newly ~= '' then
    redis.call('HSET', KEYS[3], 'disabled', newly, 'disabled_at', ARGV[3])
  end
end

local counts = 0
if redis.call('ZSCORE', KEYS[1], id) and (redis.call('HGET', KEYS[2], id) or '0') == ARGV[2] then
  redis.call('HSET', KEYS[2], id, ARGV[2] + 1)
  redis.call('ZADD', KEYS[1], 'XX', ARGV[4], id)
  counts = 1
end
return {counts, newly}
