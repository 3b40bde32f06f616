-- Merge a change into the log of one session: see `merge` in log.py.
-- KEYS: log, meta. ARGV: epoch, lifetime in ms, most messages, most bytes, members..
local log, meta = KEYS[1], KEYS[2]
local epoch = redis.call('HGET', meta, 'epoch') or ''
local size = tonumber(redis.call('HGET', meta, 'size') or '') or 0
local count = redis.call('ZCARD', log)
if count == 0 then
  size = 0
end

if ARGV[1] > epoch then
  epoch = ARGV[1]
  for _, member in ipairs(redis.call('ZRANGE', log, 0, -1)) do
    if string.sub(member, 37, 72) < epoch then
      redis.call('ZREM', log, member)
      size, count = size - #member, count - 1
    end
  end
end

for i = 5, #ARGV do
  local member = ARGV[i]
  local id = string.sub(member, 1, 36)
  -- A message without its turn may not come back; one with a known id came before.
  if string.sub(member, 37, 72) >= epoch
      and redis.call('ZLEXCOUNT', log, '[' .. id, '(' .. id .. '~') == 0 then
    redis.call('ZADD', log, 0, member)
    size, count = size + #member, count + 1
  end
end

local trimming = false
while count > 1 and (count > tonumber(ARGV[3]) or size > tonumber(ARGV[4]) or (trimming
    and string.sub(redis.call('ZRANGE', log, 0, 0)[1], 73, 73) ~= 'u')) do
  trimming = true
  size, count = size - #redis.call('ZPOPMIN', log)[1], count - 1
end

redis.call('HSET', meta, 'epoch', epoch, 'size', size)
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return epoch
