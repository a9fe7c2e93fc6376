/**
 * The scripts that keep results.
 *
 * @module
 */

/**
 * Stores what is no success yet, and publishes it on a channel that is called as the key is.
 *
 * ARGV: prefix, then for each its key, its text, and for how many milliseconds it is kept, 0 for good. Returns 1 or 0
 * for each: whether it was stored.
 */
export const storing = `
local function isSuccess(text)
  local ok, meta = pcall(cjson.decode, text)
  if ok then return type(meta) == 'table' and meta.status == 'SUCCESS' end
  -- Too deep for this reader. Celery and this engine begin with the status.
  return string.find(text, '^%s*{%s*"status"%s*:%s*"SUCCESS"') ~= nil
end
for at = 2, #ARGV, 3 do
  local key = ARGV[1] .. ARGV[at]
  local found = redis.call('TYPE', key).ok
  if found ~= 'string' and found ~= 'none' then
    return redis.error_reply('WRONGTYPE "' .. key .. '" holds a ' .. found .. ', where a string belongs')
  end
end
local reply = {}
for at = 2, #ARGV, 3 do
  local key, text, keep = ARGV[1] .. ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local before = redis.call('GET', key)
  if before and before ~= text and isSuccess(before) then
    reply[#reply + 1] = 0
  else
    if keep > 0 then redis.call('SET', key, text, 'PX', keep) else redis.call('SET', key, text) end
    redis.call('PUBLISH', key, text)
    reply[#reply + 1] = 1
  end
end
return reply
`;

/** ARGV: prefix, keys. Returns 1 or 0 for each: whether it is there. */
export const stored = `
local reply = {}
for at = 2, #ARGV do reply[#reply + 1] = redis.call('EXISTS', ARGV[1] .. ARGV[at]) end
return reply
`;
