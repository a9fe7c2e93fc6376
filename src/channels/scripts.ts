/**
 * What runs in Redis, on the keys of channels_redis.
 *
 * @module
 */

/**
 * Sends one message. KEYS: the channel. ARGV: the message, now, the latest time that has expired, expiry, capacity.
 * Returns whether it was sent, how many wait before it, and how many were thrown away unread.
 */
export const send = `
local expired = redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ARGV[3])
local waiting = redis.call('ZCARD', KEYS[1])
if waiting >= tonumber(ARGV[5]) then
  return {0, waiting, expired}
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {1, waiting, expired}
`;

/**
 * Sends a message to many channels. KEYS: the channels. ARGV: now, the latest time that has expired, expiry, then the messages,
 * then the capacities. Returns the numbers of the channels that are full, counted from 1.
 */
export const sendToMany = `
local full = {}
for number, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, 0, ARGV[2])
  if redis.call('ZCARD', key) < tonumber(ARGV[3 + #KEYS + number]) then
    redis.call('ZADD', key, ARGV[1], ARGV[3 + number])
    redis.call('EXPIRE', key, ARGV[3])
  else
    full[#full + 1] = number
  end
end
return full
`;

/** Adds to a group, or to a channel. KEYS: it. ARGV: the score, the member, for how long the key is kept. */
export const add = `
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
`;

/** The channels in a group. KEYS: the group. ARGV: the latest time that has expired. */
export const members = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)
`;

/**
 * Puts back what a worker of Python's had taken when it died. KEYS: the channel, and what was taken from it. Without an expiry
 * of its own it would be there for ever. ARGV: expiry.
 */
export const restore = `
local taken = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
if #taken == 0 then
  return 0
end
for i = 1, #taken, 2 do
  redis.call('ZADD', KEYS[1], taken[i + 1], taken[i])
end
redis.call('DEL', KEYS[2])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return #taken / 2
`;
