-- Read the log of one session and slide its lifetime. KEYS: log (see change.lua).
-- ARGV: the latest time at which to slide it, in ms (0: any); lifetime in ms.
-- Answers with the time, the id of the last delete, and the messages.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members, epoch = redis.call('ZRANGE', KEYS[1], 0, -1), ''
if members[1] and string.sub(members[1], 1, 1) == '!' then
  epoch = string.sub(table.remove(members, 1), 2)
end
local is_late = tonumber(ARGV[1]) > 0 and now > tonumber(ARGV[1])
if #members > 0 and not is_late and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  -- Where Redis takes no writes, what it has can still be read.
  redis.pcall('PEXPIRE', KEYS[1], ARGV[2])
end
return {now, epoch, members}
