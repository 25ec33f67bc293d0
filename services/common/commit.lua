-- One atomic step: check everything, then write everything, or nothing at all.
-- Lua does not roll back, so no write stands before the last check.
-- ARGV: counts of places, checks, reads, id sets, writes, deletes, due, notes; seconds that ids are
-- kept; then the items of each in that order, flat. An id set is: key, number of ids, ids. A note
-- is: hash, field, how the keys of places begin.
local PLACES, CHECKS, READS, IDS, WRITES, DELETES, DUE, NOTES, IDS_KEPT_S = 1, 2, 3, 4, 5, 6, 7, 8, 9
local PARTITIONS_NOTED_MAX = 1024
local function count(what) return tonumber(ARGV[what]) end
-- the offsets of all places, as a JSON object by their partitions
local function offsets_of(prefix)
  local keys, offsets = {}, {}
  for partition = 0, PARTITIONS_NOTED_MAX - 1 do keys[partition + 1] = prefix .. partition end
  for index, place in ipairs(redis.call('MGET', unpack(keys))) do
    if place then offsets[tostring(index - 1)] = tonumber(string.match(place, '^(-?%d+):')) end
  end
  return cjson.encode(offsets)
end
local found = {}
local at = IDS_KEPT_S + 1

-- (a) the place of every partition is still the one the batch started from
local places_at = at
for index = 1, count(PLACES) do
  if (redis.call('GET', ARGV[at]) or '') ~= ARGV[at + 1] then found[#found + 1] = index - 1 end
  at = at + 5
end
if #found > 0 then return {'moved', found} end

-- published snapshots that are not the newest any more (rule 3, in passing)
for index = 1, count(CHECKS) do
  if redis.call('GETRANGE', ARGV[at], 0, 7) ~= ARGV[at + 1] then found[#found + 1] = index - 1 end
  at = at + 2
end
if #found > 0 then return {'stale', found} end

-- (b) every key that was read still has the version it had ('' means: still absent)
for index = 1, count(READS) do
  if redis.call('GETRANGE', ARGV[at], 0, 7) ~= ARGV[at + 1] then return {'conflict', {index - 1}} end
  at = at + 2
end

-- (c) no message id of the batch has been remembered meanwhile
local ids_at = at
for index = 1, count(IDS) do
  local last = at + 1 + tonumber(ARGV[at + 1])
  for _, known in ipairs(redis.call('SMISMEMBER', ARGV[at], unpack(ARGV, at + 2, last))) do
    if known == 1 then return {'conflict', {index - 1}} end
  end
  at = last + 1
end

-- how far everything was read when this was decided: the first time counts
local before = {}
for index = 1, count(NOTES) do
  local note = #ARGV - 3 * (count(NOTES) - index)
  before[index] = offsets_of(ARGV[note])
end

-- (d) the state
for _ = 1, count(WRITES) do
  redis.call('SET', ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, count(DELETES) do
  redis.call('DEL', ARGV[at])
  at = at + 1
end
for _ = 1, count(DUE) do
  if ARGV[at + 2] == '' then
    redis.call('ZREM', ARGV[at], ARGV[at + 1])
  else
    redis.call('ZADD', ARGV[at], ARGV[at + 2], ARGV[at + 1])
  end
  at = at + 3
end

-- (e) the outbox slots, (f) the positions
at = places_at
for _ = 1, count(PLACES) do
  redis.call('SET', ARGV[at], ARGV[at + 2])
  if ARGV[at + 4] == '' then
    redis.call('DEL', ARGV[at + 3])
  else
    redis.call('SET', ARGV[at + 3], ARGV[at + 4])
  end
  at = at + 5
end

-- (g) the message ids
at = ids_at
for _ = 1, count(IDS) do
  local last = at + 1 + tonumber(ARGV[at + 1])
  redis.call('SADD', ARGV[at], unpack(ARGV, at + 2, last))
  redis.call('EXPIRE', ARGV[at], ARGV[IDS_KEPT_S])
  at = last + 1
end

-- (h) the notes: offsets before this commit, and behind it
for index = 1, count(NOTES) do
  local note = #ARGV - 3 * (count(NOTES) - index)
  local told = '{"before":' .. before[index] .. ',"after":' .. offsets_of(ARGV[note]) .. '}'
  redis.call('HSETNX', ARGV[note - 2], ARGV[note - 1], told)
end
return {'done', {}}
