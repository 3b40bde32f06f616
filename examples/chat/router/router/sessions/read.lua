-- Read the log of one session and slide its lifetime. KEYS: log, meta. ARGV: lifetime in ms.
local members = redis.call('ZRANGE', KEYS[1], 0, -1)
if #members > 0 then
  for _, key in ipairs(KEYS) do
    if redis.call('PTTL', key) < tonumber(ARGV[1]) then
      redis.call('PEXPIRE', key, ARGV[1])
    end
  end
end
return {redis.call('HGET', KEYS[2], 'epoch') or '', members}
