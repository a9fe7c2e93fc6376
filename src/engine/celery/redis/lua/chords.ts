/**
 * The scripts that count the parts of chords, as Celery's result backend does: in \`.j\` what has ended, by its place in the
 * header, in \`.s\` how many there are, in \`.t\` how many more were added since.
 *
 * @module
 */
import { typed } from "./shared.ts";

/** ARGV: prefix, for how many milliseconds all is kept, then by threes: a group, its size, and its form or an empty text. */
export const beginChords = `
local keep = tonumber(ARGV[2])
for at = 3, #ARGV, 3 do
  local key = ARGV[1] .. 'celery-taskset-meta-' .. ARGV[at]
  redis.call('SET', key .. '.s', ARGV[at + 1], 'PX', keep)
  if ARGV[at + 2] ~= '' then redis.call('SET', key, ARGV[at + 2], 'PX', keep) end
end
return 'done'
`;

/**
 * ARGV: prefix, for how many milliseconds all is kept, then by fours: a group, the place, the task's id as JSON, and what
 * is kept of its end, \`[1, "<id>", "SUCCESS", <result>]\`.
 *
 * Returns for each a list: nothing in it while parts are missing; else the header's form or an empty text, and what was
 * kept of each part, each task once. Or an error, as a text alone.
 */
export const countParts = `
${typed}
local keep = tonumber(ARGV[2])
local function told(member)
  local _, stop = string.find(member, '^%s*%[%s*1%s*,%s*')
  if not stop then return end
  local id = string.match(member, '^"[^"]*"', stop + 1)
  if not id then return end
  return id, string.match(member, '^%s*,%s*"(%u+)"', stop + #id + 1)
end
local function count(group, place, id, text)
  local key = ARGV[1] .. 'celery-taskset-meta-' .. group
  local ended, size, more = key .. '.j', key .. '.s', key .. '.t'
  local wrong = expect(ended, 'zset') or expect(size, 'string') or expect(more, 'string') or expect(key, 'string')
  if wrong then return wrong.err end
  local before
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', ended, place, place)) do
    local known, state = told(member)
    if known == id then before = {member, state} end
  end
  if before and before[2] ~= 'SUCCESS' and before[1] ~= text then redis.call('ZREM', ended, before[1]) end
  if not before or before[2] ~= 'SUCCESS' then redis.call('ZADD', ended, place, text) end
  for _, each in ipairs({ended, size, more}) do redis.call('PEXPIRE', each, keep) end
  local expected = tonumber(redis.call('GET', size) or '')
  if not expected then return {} end
  expected = expected + (tonumber(redis.call('GET', more) or '0') or 0)
  if redis.call('ZCARD', ended) < expected then return {} end
  local reply, seen, distinct = {redis.call('GET', key) or ''}, {}, 0
  for _, member in ipairs(redis.call('ZRANGE', ended, 0, -1)) do
    local known = told(member) or member
    if not seen[known] then
      seen[known] = true
      distinct = distinct + 1
      reply[#reply + 1] = member
    end
  end
  if distinct < expected then return {} end
  return reply
end
local replies = {}
for at = 3, #ARGV, 4 do replies[#replies + 1] = count(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]) end
return replies
`;
