/**
 * The scripts that keep tasks which wait for a person.
 *
 * \`petiole:kept\` has each by its id, \`petiole:kept:order\` when it ended, \`petiole:kept:class\` its queue, state and task as
 * a JSON array, and \`petiole:kept:counts\` how many there are of each queue and state. One that somebody has in hand is
 * lent: \`petiole:kept:lent:<id>\` names by whom, for as long as that may take.
 *
 * @module
 */
import { typed } from "./shared.ts";

const begin = `
local key = ARGV[1] .. 'petiole:kept'
local order, class, counts, lent = key .. ':order', key .. ':class', key .. ':counts', key .. ':lent:'
${typed}
local wrong = expect(key, 'hash') or expect(order, 'zset') or expect(class, 'hash') or expect(counts, 'hash')
if wrong then return wrong end
-- Nothing of what other hands have put there: one task is not to hide all others.
local function partsOf(classed)
  local isJson, parts = pcall(cjson.decode, classed)
  return isJson and type(parts) == 'table' and parts or {}
end
local function group(classed)
  local parts = partsOf(classed)
  return cjson.encode({parts[1], parts[2]})
end
local function forget(id)
  local before = redis.call('HGET', class, id)
  if not before then return false end
  if redis.call('HINCRBY', counts, group(before), -1) <= 0 then redis.call('HDEL', counts, group(before)) end
  redis.call('HDEL', class, id)
  redis.call('HDEL', key, id)
  redis.call('ZREM', order, id)
  return true
end
`;

/** ARGV: prefix, then for each its id, when it ended, its class, itself. */
export const put = `
${begin}
for at = 2, #ARGV, 4 do
  local id = ARGV[at]
  forget(id)
  redis.call('HSET', key, id, ARGV[at + 3])
  redis.call('HSET', class, id, ARGV[at + 2])
  redis.call('ZADD', order, ARGV[at + 1], id)
  redis.call('HINCRBY', counts, group(ARGV[at + 2]), 1)
  redis.call('DEL', lent .. id)
end
return 'done'
`;

/** ARGV: prefix, ids. */
export const find = `
${begin}
local reply = {}
for at = 2, #ARGV do reply[#reply + 1] = redis.call('HGET', key, ARGV[at]) end
return reply
`;

/**
 * ARGV: prefix, at most how many, after which time and id ("" and "" from the first), queue, task (as JSON, "" for any), then states.
 *
 * Returns the time and id to go on after, "" where there are no more, and what was found.
 */
export const list = `
${begin}
local limit, score, last, queue, task = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local states = {}
for at = 7, #ARGV do states[ARGV[at]] = true end
local function after(one, other)
  for at = 1, math.min(#one, #other) do
    local a, b = string.byte(one, at), string.byte(other, at)
    if a ~= b then return a > b end
  end
  return #one > #other
end
local start = score == '' and 0 or redis.call('ZCOUNT', order, '-inf', '(' .. score)
local reply, time, id, count = {'', ''}, '', '', 0
while true do
  local found = redis.call('ZRANGE', order, start, start + 99, 'WITHSCORES')
  if #found == 0 then return reply end
  for at = 1, #found, 2 do
    local passed = score ~= '' and tonumber(found[at + 1]) == tonumber(score) and not after(found[at], last)
    local classed = not passed and redis.call('HGET', class, found[at])
    if classed then
      local parts = partsOf(classed)
      if (queue == '' or parts[1] == cjson.decode(queue)[1]) and states[parts[2] or '']
        and (task == '' or parts[3] == cjson.decode(task)[1]) then
        if count == limit then
          reply[1], reply[2] = time, id
          return reply
        end
        time, id, count = found[at + 1], found[at], count + 1
        reply[#reply + 1] = redis.call('HGET', key, found[at])
      end
    end
  end
  start = start + 100
end
`;

/** ARGV: prefix. Returns by twos: queue and state as a JSON array, how many. */
export const counts = `
${begin}
return redis.call('HGETALL', counts)
`;

/** Lends each that is there and is not lent. ARGV: prefix, by whom, for how long, ids. Returns those, themselves. */
export const lend = `
${begin}
local reply = {}
for at = 4, #ARGV do
  local there = redis.call('HGET', key, ARGV[at])
  if there then
    local holder = redis.call('GET', lent .. ARGV[at])
    if not holder or holder == ARGV[2] then
      redis.call('SET', lent .. ARGV[at], ARGV[2], 'PX', ARGV[3])
      reply[#reply + 1] = there
    end
  end
end
return reply
`;

/** Takes back what was lent, and removes it if told so. ARGV: prefix, by whom, whether to remove, ids. */
export const remove = `
${begin}
for at = 4, #ARGV do
  -- One that was put again meanwhile, as it has failed once more, is lent to nobody.
  if redis.call('GET', lent .. ARGV[at]) == ARGV[2] then
    redis.call('DEL', lent .. ARGV[at])
    if ARGV[3] == '1' then forget(ARGV[at]) end
  end
end
return 'done'
`;
