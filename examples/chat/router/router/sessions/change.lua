-- Change the log of one session: see `merge` and `find_turn` in log.py.
--
-- KEYS: the log, a sorted set of messages by their bytes. Its first member is its head:
-- "!" and the id of the last delete, with the size of all messages as a score below 0.
-- ARGV: the latest time at which this may be carried out, in ms (0: any);
--   `merge`, `stamp` (its epoch must be the newest) or `ask` (its messages must be);
--   epoch, lifetime in ms, most messages, most bytes;
--   the turn that must be there for `merge`, the suffix of a key for `ask`, or nothing;
--   members..
-- Answers with what happened, the time, and the epoch; the newest id when `behind`;
-- for `ask` also with all members, and the turn in which all was asked before.
local log, how = KEYS[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(ARGV[1]) > 0 and now > tonumber(ARGV[1]) then
  return {'late', now, ''}
end
-- Changes nothing; a Redis without room refuses here, before anything has changed.
redis.call('ZADD', log, 'XX', 0, '?')

local head = redis.call('ZRANGE', log, 0, 0, 'WITHSCORES')
local known, size, epoch = redis.call('ZCARD', log), 0, ''
local old = head[1]
if old and string.sub(old, 1, 1) == '!' then
  epoch, size, known = string.sub(old, 2), -1 - tonumber(head[2]), known - 1
else
  old = nil
end

local function read_all()
  return redis.call('ZRANGE', log, old and 1 or 0, -1)
end

if not old then
  for _, member in ipairs(read_all()) do
    size = size + #member
  end
end

local function finish(what, all, turn)
  local new = '!' .. epoch
  if old and old ~= new then
    redis.call('ZREM', log, old)
  end
  redis.call('ZADD', log, -1 - size, new)
  if redis.call('PTTL', log) < tonumber(ARGV[4]) then
    redis.call('PEXPIRE', log, ARGV[4])
  end
  return {what, now, epoch, all or {}, turn or ''}
end

local function has(id)
  return redis.call('ZLEXCOUNT', log, '[' .. id, '(' .. id .. '~') > 0
end

local function find_turn(all)
  for i = ARGV[7] ~= '' and #all or 0, 1, -1 do
    if string.sub(all[i], 20, 36) == ARGV[7] and string.sub(all[i], 73, 73) == 'u' then
      return string.sub(all[i], 37, 72)
    end
  end
  local asked = #ARGV - 7
  for i = 1, asked do
    local member = all[#all - asked + i]
    if not member or string.sub(member, 73, 74) ~= 'u2'
        or string.sub(member, 75, 90) ~= string.sub(ARGV[7 + i], 75, 90) then
      return nil
    end
  end
  return string.sub(all[#all - asked + 1], 37, 72)
end

if how == 'ask' then
  local all = read_all()
  local turn = find_turn(all)
  if turn then
    return finish('known', all, turn)
  end
end

if how ~= 'merge' then
  local newest = epoch
  if known > 0 then
    local last = redis.call('ZRANGE', log, -1, -1)[1]
    for _, id in ipairs({string.sub(last, 1, 36), string.sub(last, 37, 72)}) do
      newest = id > newest and id or newest
    end
  end
  local stamp = how == 'ask' and string.sub(ARGV[8], 1, 36) or ARGV[3]
  -- The same change may be sent again: what it brought is not newer than itself.
  if stamp < newest or (how == 'ask' and stamp == newest) then
    return {'behind', now, newest}
  end
elseif ARGV[7] ~= '' and not has(ARGV[7]) then
  return {'gone', now, epoch}
end

if ARGV[3] > epoch then
  epoch = ARGV[3]
  for _, member in ipairs(read_all()) do
    if string.sub(member, 37, 72) < epoch then
      redis.call('ZREM', log, member)
      size, known = size - #member, known - 1
    end
  end
end

for i = 8, #ARGV do
  local member = ARGV[i]
  -- A message without its turn may not come back; one with a known id came before.
  if string.sub(member, 37, 72) >= epoch and not has(string.sub(member, 1, 36)) then
    redis.call('ZADD', log, 0, member)
    size, known = size + #member, known + 1
  end
end

local first, trimming = old and 1 or 0, false
while known > 1 and (known > tonumber(ARGV[5]) or size > tonumber(ARGV[6]) or (trimming
    and string.sub(redis.call('ZRANGE', log, first, first)[1], 73, 73) ~= 'u')) do
  local member = redis.call('ZRANGE', log, first, first)[1]
  trimming = true
  redis.call('ZREM', log, member)
  size, known = size - #member, known - 1
end

return finish('done', how == 'ask' and read_all() or nil)
