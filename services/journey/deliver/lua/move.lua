-- Move a position over what the log does not hold, if nobody else has moved it meanwhile.
--
-- KEYS[1]  position      ARGV  position it must have ('' for none), new position
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
