-- One atomic step: check everything, then write everything, or nothing at all.
-- Lua does not roll back, so no write stands before the last check.
-- ARGV[1]: MessagePack of places, checks, reads, ids, writes, deletes, due, ids_ttl_s.
local step = cmsgpack.unpack(ARGV[1])
local found = {}

-- (a) the place of every partition is still the one the batch started from
for index, place in ipairs(step.places) do
  if (redis.call('GET', place[1]) or '') ~= place[2] then found[#found + 1] = index - 1 end
end
if #found > 0 then return {'moved', found} end

-- published snapshots that are not the newest any more (rule 3, in passing)
for index, check in ipairs(step.checks) do
  if redis.call('GETRANGE', check[1], 0, 7) ~= check[2] then found[#found + 1] = index - 1 end
end
if #found > 0 then return {'stale', found} end

-- (b) every key that was read still has the version it had ('' means: still absent)
for index, read in ipairs(step.reads) do
  if redis.call('GETRANGE', read[1], 0, 7) ~= read[2] then return {'conflict', {index - 1}} end
end

-- (c) no message id of the batch has been remembered meanwhile
for index, set in ipairs(step.ids) do
  if redis.call('EXISTS', set[1]) == 1 then
    for _, known in ipairs(redis.call('SMISMEMBER', set[1], unpack(set[2]))) do
      if known == 1 then return {'conflict', {index - 1}} end
    end
  end
end

-- (d) the state, (e) the outbox slots, (f) the positions, (g) the message ids
for _, write in ipairs(step.writes) do redis.call('SET', write[1], write[2]) end
for _, key in ipairs(step.deletes) do redis.call('DEL', key) end
for _, place in ipairs(step.places) do
  redis.call('SET', place[1], place[3])
  if place[5] == '' then redis.call('DEL', place[4]) else redis.call('SET', place[4], place[5]) end
end
for _, set in ipairs(step.ids) do
  redis.call('SADD', set[1], unpack(set[2]))
  redis.call('EXPIRE', set[1], step.ids_ttl_s)
end
for _, due in ipairs(step.due) do
  if due[3] == '' then redis.call('ZREM', due[1], due[2]) else redis.call('ZADD', due[1], due[3], due[2]) end
end
return {'done', {}}
