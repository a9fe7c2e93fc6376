/**
 * What several scripts begin with.
 *
 * `ARGV[1]` is always the prefix of all keys. A script that changes something for which a repetition would be wrong is
 * given a key of its own, where it leaves its answer for a while: run again, because that answer was lost, it gives it
 * once more and does nothing.
 *
 * @module
 */

/** Fails before anything is changed where a key holds something else. */
const expect = `
local function expect(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    return redis.error_reply('WRONGTYPE "' .. key .. '" holds a ' .. found .. ', where a ' .. kind .. ' belongs')
  end
end
`;

/** The messages that were taken, and when they are given to others: \`index\` has the time minus the visibility timeout. */
export const taken = `
local unacked, index = ARGV[1] .. 'unacked', ARGV[1] .. 'unacked_index'
${expect}
local wrong = expect(unacked, 'hash') or expect(index, 'zset')
if wrong then return wrong end
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end
`;

/** As `expect`, without the taken messages. */
export const typed = expect;
