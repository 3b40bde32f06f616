-- Read the log of one session and slide its lifetime. KEYS: log (see change.lua).
-- ARGV: the latest time at which to slide it, in ms (0: any); lifetime in ms.
-- Answers with the time, the id of the last delete, the messages, and 1 where Redis
-- takes no writes: a replica, which may lack what the primary has answered.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members, epoch = redis.call('ZRANGE', KEYS[1], 0, -1), ''
if members[1] and string.sub(members[1], 1, 1) == '!' then
  epoch = string.sub(table.remove(members, 1), 2)
end
local is_late = tonumber(ARGV[1]) > 0 and now > tonumber(ARGV[1])
local refused = redis.pcall('ZADD', KEYS[1], 'XX', 0, '?')
if type(refused) == 'table' and refused.err then
  return {now, epoch, members, 1}
end
if #members > 0 and not is_late and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {now, epoch, members, 0}
