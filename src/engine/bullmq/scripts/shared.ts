/**
 * What all scripts begin with: names of keys, and the moves that several of them make.
 *
 * The scripts keep to the layout of keys of BullMQ 5 and 6 for what is BullMQ's: `meta`, `wait`, `prioritized`, `delayed`,
 * `active`, `completed`, `failed`, `stalled`, `events`, `marker`, and of a job's hash, its lock and its log. All else is ours
 * and has `~petiole` or `pt` in its name; BullMQ leaves it alone. BullMQ's own workers may move and end our jobs, so what
 * our indexes say is checked against the job before anything is done with it.
 *
 * In a script: `P` the prefix, `G` that of our keys for all queues, `q` that of a queue's keys, `jobId` an id as it is in
 * Redis. Times are in milliseconds, by Redis's clock, so that all processes have the same.
 *
 * @module
 */

/** The beginning of every script. ARGV[1] is the prefix of all keys. */
const beginning = `
local rcall = redis.call
local P = ARGV[1] .. ':'
local G = P .. '~petiole:'
local time = rcall('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local woken = {}

-- As Redis is to be given it: a number it would write by itself, slowly.
local function whole(number) return string.format('%d', number) end
local nowText = whole(now)

-- The number of a field; 1 where other hands have put something else there: one job is not to hold up all others.
local function numberOf(text)
  local number = tonumber(text)
  return number and number >= 1 and number <= 9007199254740991 and number or 1
end

-- Counts in a field, from nothing where it holds something else.
local function increase(key, field, by)
  local counted = redis.pcall('HINCRBY', key, field, by)
  if type(counted) == 'number' then return counted end
  rcall('HSET', key, field, by)
  return by
end

-- Calls with the items of a list: with all of them, unless they are more than a call can have. Returns the replies as one.
local function inParts(list, call)
  if #list == 0 then return {} end
  if #list <= 1000 then return call(unpack(list)) end
  local all = {}
  for first = 1, #list, 1000 do
    local reply = call(unpack(list, first, math.min(first + 999, #list)))
    if type(reply) == 'table' then
      for index, one in ipairs(reply) do all[first + index - 1] = one end
    end
  end
  return all
end

-- One command for many members, each with its score, or fields, each with its value.
local function many(command, key, list)
  return inParts(list, function(...) return rcall(command, key, ...) end)
end

-- The queue of a job, the beginning of its keys, and its id. One of others is asked for with its queue, as "queue:id".
local function where(jobId)
  local colon = string.find(jobId, ':', 1, true)
  if colon then
    local queue = string.sub(jobId, 1, colon - 1)
    return queue, P .. queue .. ':', string.sub(jobId, colon + 1)
  end
  local queue = rcall('HGET', G .. 'where', jobId)
  if queue then return queue, P .. queue .. ':', jobId end
end

-- The next number of those that order tasks.
local function nextNumber() return rcall('INCR', G .. 'seq') end

-- Redis, when it is full, refuses commands that take memory to a script that has changed nothing yet. For what was accepted
-- already: a lease that cannot be renewed, or an end that cannot be stored, would have the task run again.
local function evenIfFull() rcall('DEL', G .. 'full') end

local function wake(queue, delay)
  if not woken[queue] or woken[queue] > delay then woken[queue] = delay end
end

-- A message saves whoever waits a look. It is no reason to break off in the middle, where the user may not send any.
local function tell(channel, message) redis.pcall('PUBLISH', G .. channel, message) end

-- As a rule nobody watches any task. Whoever does says so before it looks.
local watched
local function changed(jobId, what)
  if watched == nil then watched = rcall('EXISTS', G .. 'watched') == 1 end
  if watched then tell('t:' .. jobId, what) end
end

local mostEvents = {}
local function mostEventsOf(q)
  if not mostEvents[q] then mostEvents[q] = rcall('HGET', q .. 'meta', 'opts.maxLenEvents') or '10000' end
  return mostEvents[q]
end
local function event(q, ...)
  rcall('XADD', q .. 'events', 'MAXLEN', '~', mostEventsOf(q), '*', 'event', ...)
end

-- Tells our workers by a message, and those of BullMQ by its marker.
local function tellWoken()
  for queue, delay in pairs(woken) do
    local q = P .. queue .. ':'
    tell('q:' .. queue, delay)
    if rcall('HEXISTS', q .. 'meta', 'paused') == 0 then
      if delay <= 0 then
        rcall('ZADD', q .. 'marker', 0, '0')
      else
        local first = rcall('ZRANGE', q .. 'delayed', 0, 0, 'WITHSCORES')
        if first[2] then rcall('ZADD', q .. 'marker', first[2] / 4096, '1') end
      end
    end
  end
end

`;

const waiting = `-- As BullMQ's score of a prioritized job, with a number that is never set back.
local function scoreOf(priority, number)
  return whole((tonumber(priority) or 0) * 4294967296 + number % 4294967296)
end

local function makeReady(queue, q, jobId, lane, score)
  rcall('ZADD', q .. 'prioritized', score, jobId)
  rcall('ZADD', q .. '~petiole:ready:' .. lane, score, jobId)
  if lane ~= '' then
    rcall('SADD', q .. '~petiole:lanes', lane)
    rcall('SADD', G .. 'lane:queues:' .. lane, queue)
  end
  wake(queue, 0)
end

local function schedule(queue, q, jobId, at, number)
  local score = at * 4096 + number % 4096
  rcall('ZADD', q .. 'delayed', score, jobId)
  rcall('ZADD', q .. '~petiole:scheduled', score, jobId)
  wake(queue, at - now)
end

-- Makes wait what is scheduled and due, in the order of its times.
local function promote(queue, q)
  local due = rcall('ZRANGEBYSCORE', q .. '~petiole:scheduled', '-inf', now * 4096 + 4095, 'LIMIT', 0, 1000)
  for _, jobId in ipairs(due) do
    rcall('ZREM', q .. '~petiole:scheduled', jobId)
    rcall('ZREM', q .. 'delayed', jobId)
    local job = rcall('HMGET', q .. jobId, 'priority', 'pt:lane', 'finishedOn')
    -- Removed, or taken meanwhile, by BullMQ.
    if job[1] and not job[3] and rcall('EXISTS', q .. jobId .. ':lock') == 0 then
      rcall('HSET', q .. jobId, 'delay', 0)
      makeReady(queue, q, jobId, job[2] or '', scoreOf(job[1], nextNumber()))
    end
  end
end

-- Takes a job out of what is scheduled and waits, ours and BullMQ's. Whether BullMQ's had it.
local function takeOut(q, jobId, lane)
  rcall('ZREM', q .. '~petiole:ready:' .. lane, jobId)
  rcall('ZREM', q .. '~petiole:scheduled', jobId)
  return rcall('ZREM', q .. 'prioritized', jobId) + rcall('ZREM', q .. 'delayed', jobId) > 0
    or rcall('LREM', q .. 'wait', 0, jobId) > 0
end

`;

const ending = `-- A run of a lane is over: others of the lane may begin.
local function leaveLane(queue, jobId, lane)
  if lane == '' then return end
  rcall('ZREM', G .. 'lane:run:' .. lane, jobId)
  for _, other in ipairs(rcall('SMEMBERS', G .. 'lane:queues:' .. lane)) do
    if rcall('ZCARD', P .. other .. ':~petiole:ready:' .. lane) > 0 or
      rcall('ZCARD', P .. other .. ':~petiole:leases') > 0 or
      rcall('ZCARD', P .. other .. ':~petiole:left') > 0 then
      wake(other, 0)
    elseif other ~= queue then
      rcall('SREM', G .. 'lane:queues:' .. lane, other)
    end
  end
end

-- When a job that has ended is to be removed; nil for one that is not. keep: milliseconds, or 'never'.
local function goneAt(keep, until_)
  if keep == 'never' then return nil end
  -- Whoever waits in another process may read it yet.
  local at = now + math.max(tonumber(keep), 200)
  return whole(math.max(at, numberOf(until_)))
end

-- Puts a job at its end: it is in none of the sets of those on the way by now.
local function finish(queue, q, jobId, state, keep, job)
  local number = numberOf(job.number)
  local success = state == 'succeeded'
  rcall('ZADD', q .. (success and 'completed' or 'failed'), now, jobId)
  rcall('ZADD', q .. '~petiole:ended:' .. state, number, jobId)
  local gone = state ~= 'failed' and state ~= 'parked' and goneAt(keep, job.until_)
  if gone then rcall('ZADD', q .. '~petiole:gone', gone, jobId) end
  if job.key and not job.until_ and not job.needs then rcall('ZREM', G .. 'key:' .. job.key, jobId) end
  changed(jobId, state)
end

`;

const changing = `local function forgetLeft(q, jobId, needs)
  if not needs then return end
  rcall('ZREM', q .. '~petiole:left', jobId)
  if increase(q .. '~petiole:needs', needs, -1) <= 0 then rcall('HDEL', q .. '~petiole:needs', needs) end
  rcall('HDEL', q .. jobId, 'pt:needs')
end

-- Removes every trace of a job.
local function remove(q, jobId)
  local job = rcall('HMGET', q .. jobId, 'pt:st', 'pt:key', 'pt:al', 'pt:lane', 'pt:needs')
  if job[5] then forgetLeft(q, jobId, job[5]) end
  if job[2] then rcall('ZREM', G .. 'key:' .. job[2], jobId) end
  if job[3] then
    for _, alias in ipairs(rcall('SMEMBERS', G .. 'aliases:' .. jobId)) do
      rcall('HDEL', G .. 'alias', alias)
      changed(alias, 'gone')
    end
    rcall('DEL', G .. 'aliases:' .. jobId)
  end
  if job[1] then
    rcall('ZREM', q .. '~petiole:ended:' .. job[1], jobId)
  else
    for _, state in ipairs({'succeeded', 'failed', 'parked', 'skipped', 'discarded', 'expired', 'cancelled'}) do
      rcall('ZREM', q .. '~petiole:ended:' .. state, jobId)
    end
    takeOut(q, jobId, job[4] or '')
    rcall('ZREM', q .. '~petiole:leases', jobId)
    rcall('ZREM', q .. '~petiole:left', jobId)
  end
  rcall('ZREM', q .. '~petiole:gone', jobId)
  rcall('ZREM', q .. '~petiole:tasks', jobId)
  rcall('ZREM', q .. 'completed', jobId)
  rcall('ZREM', q .. 'failed', jobId)
  rcall('HDEL', G .. 'where', jobId)
  rcall('DEL', q .. jobId, q .. jobId .. ':logs', q .. jobId .. ':lock')
  changed(jobId, 'gone')
end

-- Removes at most so many of those that were kept long enough.
local function purge(q, most)
  for _, jobId in ipairs(rcall('ZRANGEBYSCORE', q .. '~petiole:gone', '-inf', now, 'LIMIT', 0, most)) do
    remove(q, jobId)
  end
end

-- Where a job of ours is. nil for one that is not there, or not ours.
local function stateOf(q, jobId)
  local job = rcall('HMGET', q .. jobId, 'pt', 'finishedOn', 'pt:st', 'pt:tok', 'pt:at')
  if not job[1] then return nil end
  if job[2] then
    -- By us, and not retried and ended by others since.
    if job[3] and job[5] == job[2] then return job[3] end
    -- Ended by a worker of BullMQ.
    return rcall('ZSCORE', q .. 'completed', jobId) and 'succeeded' or 'failed'
  end
  local score = rcall('ZSCORE', q .. '~petiole:scheduled', jobId)
  if score then return tonumber(score) / 4096 >= now + 1 and 'scheduled' or 'waiting' end
  if job[4] and rcall('ZSCORE', q .. '~petiole:leases', jobId) then return 'running' end
  return rcall('EXISTS', q .. jobId .. ':lock') == 1 and 'running' or 'waiting'
end

-- What BullMQ's users have retried is not at its end any more.
local function forgetEnd(q, jobId, state)
  if not state then return end
  rcall('ZREM', q .. '~petiole:ended:' .. state, jobId)
  rcall('ZREM', q .. '~petiole:gone', jobId)
  forgetLeft(q, jobId, rcall('HGET', q .. jobId, 'pt:needs'))
  rcall('HDEL', q .. jobId, 'pt:st', 'pt:at', 'pt:tok')
end

-- Gives a job that a worker of BullMQ has ended its place in our indexes.
local function adoptEnd(queue, q, jobId)
  local job = rcall('HMGET', q .. jobId, 'finishedOn', 'pt:st', 'pt:seq', 'pt:key', 'pt:until', 'pt:at')
  if not job[1] or (job[2] and job[6] == job[1]) or not job[3] then return end
  forgetEnd(q, jobId, job[2])
  local state = rcall('ZSCORE', q .. 'completed', jobId) and 'succeeded' or 'failed'
  rcall('HSET', q .. jobId, 'pt:st', state, 'pt:at', job[1])
  rcall('HDEL', q .. jobId, 'pt:tok')
  rcall('ZADD', q .. '~petiole:ended:' .. state, job[3], jobId)
  if state == 'succeeded' then rcall('ZADD', q .. '~petiole:gone', now + 86400000, jobId) end
  if job[4] and not job[5] then rcall('ZREM', G .. 'key:' .. job[4], jobId) end
  changed(jobId, state)
end

-- Whether the lease is held. A worker of BullMQ that took the job has locked it with a token of its own.
local function holds(q, jobId, token)
  local job = rcall('HMGET', q .. jobId, 'pt:tok', 'finishedOn')
  if job[1] ~= token or job[2] or not rcall('ZSCORE', q .. '~petiole:leases', jobId) then return false end
  local lock = rcall('GET', q .. jobId .. ':lock')
  return not lock or lock == token
end

-- Makes a lease that is held last from now on.
local function keep(q, jobId, token, duration)
  local lane = rcall('HGET', q .. jobId, 'pt:lane') or ''
  -- Not to be found at the end of its lease twice: BullMQ's look for stalled jobs may have put it back.
  if rcall('EXISTS', q .. jobId .. ':lock') == 0 and takeOut(q, jobId, lane) then
    rcall('LPUSH', q .. 'active', jobId)
  end
  evenIfFull()
  rcall('SET', q .. jobId .. ':lock', token, 'PX', duration)
  rcall('ZADD', q .. '~petiole:leases', now + duration, jobId)
  if lane ~= '' then rcall('ZADD', G .. 'lane:run:' .. lane, now + duration, jobId) end
end
`;

/** What a script that sends begins with: to make what it does not use would take it time. */
export const sharedBySend = `${beginning}${waiting}`;

/** What a script that settles begins with. */
export const sharedBySettle = `${sharedBySend}${ending}`;

/** What every other script begins with. */
export const shared = `${sharedBySettle}${changing}`;
