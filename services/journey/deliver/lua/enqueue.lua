-- Write the deliveries of consecutive records of one partition, and its position: all at once.
--
-- KEYS[1]  position: offset of the next record that is still to be written
-- ARGV[1]  now, ms
-- ARGV[2]  msgpack: records {offset, {{endpoint, bucket, hash, id, job}, ...}} by offset; job is
--          the place of its bytes among the further ARGV (Redis' msgpack reads no binary), or 0:
--          it was written off as a dead letter
-- ARGV[3]  seconds that an id is remembered
-- ARGV[4]  deliveries that may wait for one endpoint
-- ARGV[5]  the first job, and so on
--
-- Returns {what, index, position, endpoint or '', written, known}. what: 'ok'; 'gap', when records
-- before the one at index were never written; 'full', when the endpoint has no room for it.
local now = tonumber(ARGV[1])
local records = cmsgpack.unpack(ARGV[2])
local pending_max = tonumber(ARGV[4])
local position = tonumber(redis.call('GET', KEYS[1]) or -1)
local written, known = 0, 0

local function text(number) return string.format('%.0f', number) end

local function answer(what, index, endpoint)
  if position >= 0 then redis.call('SET', KEYS[1], text(position)) end
  return {what, index, text(position), endpoint, written, known}
end

for index, record in ipairs(records) do
  if record[1] > position then return answer('gap', index - 1, '') end
  for _, delivery in ipairs(record[2]) do
    local endpoint, bucket, hash, id, job = unpack(delivery)
    local seen = 'd:seen:' .. endpoint .. ':' .. bucket
    if redis.call('SISMEMBER', seen, hash) == 1 then
      known = known + 1
    elseif job > 0 and redis.call('HLEN', 'd:job:' .. endpoint) >= pending_max then
      return answer('full', index - 1, endpoint)
    else
      redis.call('SADD', seen, hash)
      redis.call('EXPIRE', seen, ARGV[3])
      if job > 0 then
        redis.call('SADD', 'd:endpoints', endpoint)
        redis.call('HSET', 'd:job:' .. endpoint, id, ARGV[4 + job])
        redis.call('ZADD', 'd:due:' .. endpoint, text(now), id)
        redis.call('HINCRBY', 'd:ep:' .. endpoint, 'queued', 1)
        written = written + 1
      end
    end
  end
  if record[1] == position then position = position + 1 end
end
return answer('ok', #records, '')
