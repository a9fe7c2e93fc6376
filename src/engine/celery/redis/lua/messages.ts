/**
 * The scripts that move messages.
 *
 * @module
 */
import { taken, typed } from "./shared.ts";

/** ARGV: prefix, marker, for how long it is kept, then lists and what goes into them, in turn. */
export const publish = `
${typed}
local marker = ARGV[1] .. ARGV[2]
if redis.call('EXISTS', marker) == 1 then return 'again' end
local seen = {}
for at = 4, #ARGV, 2 do
  local list = ARGV[1] .. ARGV[at]
  if not seen[list] then
    local wrong = expect(list, 'list')
    if wrong then return wrong end
    seen[list] = true
  end
end
redis.call('SET', marker, '', 'PX', ARGV[3])
for at = 4, #ARGV, 2 do redis.call('LPUSH', ARGV[1] .. ARGV[at], ARGV[at + 1]) end
return 'done'
`;

/**
 * What was taken lies in \`unacked\` as Kombu has it, \`[<message>, "", "<queue>"]\`. A worker of Python's that restores it
 * would end of what is no message: such a thing is put, as hex, into a message that it only refuses. What this reader
 * lets through and others do not (a line break in a string), the client puts so at once.
 */
const held = `
local function isMessage(text)
  local ok, message = pcall(cjson.decode, text)
  if not ok then
    -- Halves of surrogate pairs are refused by this reader alone; what is escaped is of no interest here.
    text = string.gsub(text, '\\\\(.)', function(escaped) if escaped == 'u' then return 'u' end end)
    ok, message = pcall(cjson.decode, text)
  end
  if not ok or type(message) ~= 'table' then return false end
  local properties = message.properties
  local headers = message.headers
  if type(headers) ~= 'table' or type(message.body) ~= 'string' or type(properties) ~= 'table' then return false end
  if headers.task ~= nil and type(headers.id) ~= 'string' then return false end
  local info = properties.delivery_info
  return type(properties.delivery_tag) == 'string' and type(info) == 'table' and type(info.exchange) == 'string'
end
local function wrapped(text, tag, queue)
  local hex = string.gsub(text, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
  return '{"body":"' .. hex .. '","content-encoding":"binary","content-type":"application/octet-stream",' ..
    '"headers":{"task":"petiole.unreadable","id":"' .. tag .. '","petiole-unreadable":"hex"},' ..
    '"properties":{"delivery_mode":2,"delivery_info":{"exchange":"","routing_key":' .. queue .. '},' ..
    '"priority":0,"delivery_tag":"' .. tag .. '"}}'
end
local function held(text, tag, queue)
  if not isMessage(text) then text = wrapped(text, tag, queue) end
  return '[' .. text .. ',"",' .. queue .. ']'
end
`;

/**
 * Takes messages under the tags \`tag:1\`, \`tag:2\`, … In place of all that, tells that there are some to be restored first.
 *
 * ARGV: prefix, visibility timeout, lease, tag, limit, whether it may have been run, whether to tell, then for each
 * queue its name as JSON and its lists, as many as are told first. Times in seconds.
 *
 * Returns "restore", or by fours: the tag, the number of the queue, that of the list (both 0 where it was run before),
 * and what is held.
 */
export const take = `
${taken}
${held}
local at, lease, base, limit = now(), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local score = at + lease - tonumber(ARGV[2])
local reply = {}
if ARGV[6] == '1' then
  for number = 1, limit do
    local tag = base .. ':' .. number
    local there = redis.call('HGET', unacked, tag)
    if there then
      redis.call('ZADD', index, score, tag)
      for _, part in ipairs({tag, 0, 0, there}) do reply[#reply + 1] = part end
    end
  end
  if #reply > 0 then return reply end
end
if ARGV[7] == '1' and #redis.call('ZRANGEBYSCORE', index, '-inf', at - tonumber(ARGV[2]), 'LIMIT', 0, 1) > 0 then
  return 'restore'
end
local lists = tonumber(ARGV[8])
local count, queue = 0, 0
for first = 9, #ARGV, lists + 1 do
  queue = queue + 1
  for list = 1, lists do
    if count >= limit then return reply end
    local key = ARGV[1] .. ARGV[first + list]
    local popped = redis.pcall('RPOP', key, limit - count)
    if type(popped) == 'table' and popped.err then
      if count > 0 then return reply end
      return expect(key, 'list') or popped
    end
    for _, text in ipairs(popped or {}) do
      count = count + 1
      local tag = base .. ':' .. count
      local kept = held(text, tag, ARGV[first])
      redis.call('HSET', unacked, tag, kept)
      redis.call('ZADD', index, score, tag)
      for _, part in ipairs({tag, queue, list, kept}) do reply[#reply + 1] = part end
    end
  end
end
return reply
`;

/** ARGV: prefix, visibility timeout, lease, tags. Returns 1 or 0 for each: whether it is still held. */
export const extend = `
${taken}
local score = now() + tonumber(ARGV[3]) - tonumber(ARGV[2])
local reply = {}
for at = 4, #ARGV do
  local there = redis.call('HEXISTS', unacked, ARGV[at])
  if there == 1 then redis.call('ZADD', index, score, ARGV[at]) end
  reply[#reply + 1] = there
end
return reply
`;

/**
 * ARGV: prefix, visibility timeout, for how long they are held from now on at least, tags. Returns 1 or 0 for each:
 * whether it is still held.
 */
export const prolong = `
${taken}
local score = now() + tonumber(ARGV[3]) - tonumber(ARGV[2])
local reply = {}
for at = 4, #ARGV do
  local there = redis.call('HEXISTS', unacked, ARGV[at])
  if there == 1 and tonumber(redis.call('ZSCORE', index, ARGV[at]) or '0') < score then
    redis.call('ZADD', index, score, ARGV[at])
  end
  reply[#reply + 1] = there
end
return reply
`;

/**
 * ARGV: prefix, marker, for how long it is kept, then for each its tag, how many messages it publishes (below 0 where they
 * go to the front), and those as a list and what goes into it. Returns a text of 1 and 0: whether it was held.
 */
export const finish = `
${taken}
local marker = ARGV[1] .. ARGV[2]
local before = redis.call('GET', marker)
if before then return before end
local at = 4
while at <= #ARGV do
  local count = math.abs(tonumber(ARGV[at + 1]))
  for message = 1, count do
    local wrong = expect(ARGV[1] .. ARGV[at + 2 * message], 'list')
    if wrong then return wrong end
  end
  at = at + 2 + 2 * count
end
-- First of all: a Redis that is full refuses here, where nothing was done yet.
redis.call('SET', marker, '', 'PX', ARGV[3])
local answers = {}
at = 4
while at <= #ARGV do
  local there = redis.call('HDEL', unacked, ARGV[at])
  answers[#answers + 1] = there
  local told = tonumber(ARGV[at + 1])
  local count, push = math.abs(told), told < 0 and 'RPUSH' or 'LPUSH'
  if there == 1 then
    redis.call('ZREM', index, ARGV[at])
    for message = 1, count do
      redis.call(push, ARGV[1] .. ARGV[at + 2 * message], ARGV[at + 2 * message + 1])
    end
  end
  at = at + 2 + 2 * count
end
local answer = table.concat(answers)
redis.call('SET', marker, answer, 'PX', ARGV[3])
return answer
`;

/** ARGV: prefix, then for each its tag, its list and the length of what follows the message in what is held. */
export const giveBack = `
${taken}
for at = 2, #ARGV, 3 do
  local wrong = expect(ARGV[1] .. ARGV[at + 1], 'list')
  if wrong then return wrong end
end
local count = 0
for at = 2, #ARGV, 3 do
  local there = redis.call('HGET', unacked, ARGV[at])
  if there then
    redis.call('RPUSH', ARGV[1] .. ARGV[at + 1], string.sub(there, 2, -1 - tonumber(ARGV[at + 2])))
    redis.call('HDEL', unacked, ARGV[at])
    redis.call('ZREM', index, ARGV[at])
    count = count + 1
  end
end
return count
`;

/** Holds in place of what was taken that which is told, where it is still held. ARGV: prefix, tags and what to hold. */
export const hold = `
${taken}
for at = 2, #ARGV, 2 do
  if redis.call('HEXISTS', unacked, ARGV[at]) == 1 then redis.call('HSET', unacked, ARGV[at], ARGV[at + 1]) end
end
return 'done'
`;
