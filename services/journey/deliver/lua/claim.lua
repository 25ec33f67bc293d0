-- Take what is due at one endpoint. A claim is a lease: the due time moves to its end, so that a
-- worker that dies gives everything back by doing nothing.
--
-- KEYS     due, job, tries, endpoint
-- ARGV     now ms, end of the lease ms, how many at most
--
-- Returns {disabled or '', next due ms or -1, id, job, failures, id, job, failures, ...}.
local now = tonumber(ARGV[1])
local disabled = redis.call('HGET', KEYS[4], 'disabled') or ''
local paused_until = tonumber(redis.call('HGET', KEYS[4], 'paused_until') or 0)
if paused_until > now and disabled == '' then
  return {'', string.format('%.0f', paused_until)}
end
local taken = {disabled, '-1'}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])) do
  local job = redis.call('HGET', KEYS[2], id)
  if job then
    redis.call('ZADD', KEYS[1], ARGV[2], id)
    taken[#taken + 1] = id
    taken[#taken + 1] = job
    taken[#taken + 1] = redis.call('HGET', KEYS[3], id) or '0'
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] then taken[2] = first[2] end
return taken
