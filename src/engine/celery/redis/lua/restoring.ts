/**
 * The scripts that give back what was taken by somebody who was lost.
 *
 * @module
 */
import { taken } from "./shared.ts";

/**
 * What was taken and not extended in time, the latest first.
 *
 * ARGV: prefix, visibility timeout in seconds, how many to pass over, at most how many. Returns by threes: the tag, its
 * score, what is held.
 */
export const expired = `
${taken}
local reply = {}
local found = redis.call(
  'ZREVRANGEBYSCORE', index, now() - tonumber(ARGV[2]), '-inf', 'WITHSCORES', 'LIMIT', ARGV[3], ARGV[4])
for at = 1, #found, 2 do
  local there = redis.call('HGET', unacked, found[at])
  if there then
    for _, part in ipairs({found[at], found[at + 1], there}) do reply[#reply + 1] = part end
  else
    redis.call('ZREM', index, found[at])
  end
end
return reply
`;

/**
 * Puts messages at the front of their lists, unless somebody was quicker, or their holder lives and has extended them.
 *
 * ARGV: prefix, then for each its tag, its score, what goes into the lists, how many lists, and those. Returns 1 or 0
 * for each.
 */
export const restore = `
${taken}
local reply = {}
local at = 2
while at <= #ARGV do
  local tag, score, lists = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 3])
  local there = redis.call('ZSCORE', index, tag) == score and redis.call('HEXISTS', unacked, tag) == 1
  for list = 1, lists do
    if there and expect(ARGV[1] .. ARGV[at + 3 + list], 'list') then there = false end
  end
  if there then
    redis.call('HDEL', unacked, tag)
    redis.call('ZREM', index, tag)
    for list = 1, lists do redis.call('RPUSH', ARGV[1] .. ARGV[at + 3 + list], ARGV[at + 2]) end
  end
  reply[#reply + 1] = there and 1 or 0
  at = at + 4 + lists
end
return reply
`;

/**
 * Holds under another tag what cannot be restored, as nobody knows what it is.
 *
 * ARGV: prefix, visibility timeout, lease, tag, score, the other tag, what to hold. Returns 1 or 0.
 */
export const adopt = `
${taken}
if redis.call('ZSCORE', index, ARGV[4]) ~= ARGV[5] or redis.call('HDEL', unacked, ARGV[4]) == 0 then return 0 end
redis.call('ZREM', index, ARGV[4])
redis.call('HSET', unacked, ARGV[6], ARGV[7])
redis.call('ZADD', index, now() + tonumber(ARGV[3]) - tonumber(ARGV[2]), ARGV[6])
return 1
`;

/**
 * Whether there is something to do.
 *
 * ARGV: prefix, visibility timeout in seconds, lists. Returns whether there is something to restore, then the numbers
 * of the lists that hold something.
 */
export const look = `
${taken}
local reply = {#redis.call('ZRANGEBYSCORE', index, '-inf', now() - tonumber(ARGV[2]), 'LIMIT', 0, 1)}
for at = 3, #ARGV do
  if redis.call('EXISTS', ARGV[1] .. ARGV[at]) == 1 then reply[#reply + 1] = at - 2 end
end
return reply
`;
