import { sharedBySend } from "./shared.ts";

/** How many arguments there are for each kind of messages. */
const kindArguments = 6;

/** What BullMQ is to know of a job's options: its own retries stay out of the way. */
const options = '{"attempts":1}';

/**
 * Sends messages, all of them.
 *
 * ARGV: prefix; how many kinds of messages, and for each what they have in common: queue, name, our field, priority, lane,
 * "1" where they have keys; then for each message: its kind, counted from 1, job id, data, time, and with a key: key, until,
 * follow. Returns, in pairs, the positions of duplicates and the ids of the holders of their keys.
 */
export const send = `${sharedBySend}
local kinds = {}
local at = 3
for index = 1, tonumber(ARGV[2]) do
  local queue = ARGV[at]
  kinds[index] = { queue = queue, q = P .. queue .. ':', name = ARGV[at + 1], ours = ARGV[at + 2], priority = ARGV[at + 3],
    lane = ARGV[at + 4], isKeyed = ARGV[at + 5] == '1' }
  at = at + ${kindArguments}
end
local ids, starts = {}, {}
while at <= #ARGV do
  ids[#ids + 1] = ARGV[at + 1]
  starts[#ids] = at
  at = at + (kinds[tonumber(ARGV[at])].isKeyed and 7 or 4)
end
local known = many('HMGET', G .. 'where', ids)
-- What is sent here goes into the indexes at last, all at once.
local placed = {}

local function holderOf(key)
  local best, bestUntil, bestNumber
  for _, jobId in ipairs(rcall('ZRANGE', G .. 'key:' .. key, 0, -1)) do
    local queue = placed[jobId] or where(jobId)
    local job = queue and rcall('HMGET', P .. queue .. ':' .. jobId, 'pt:until', 'finishedOn', 'pt:needs', 'pt:seq')
    local held = job and job[4]
    if held then
      if job[1] then held = numberOf(job[1]) > now else held = not job[2] or job[3] end
    end
    if held then
      local until_, number = job[1] and numberOf(job[1]) or 0, numberOf(job[4])
      if not best or until_ < bestUntil or (until_ == bestUntil and number < bestNumber) then
        best, bestUntil, bestNumber = jobId, until_, number
      end
    else
      rcall('ZREM', G .. 'key:' .. key, jobId)
    end
  end
  return best
end

local places = {}
local indexes = {}
-- What is due came before.
for _, kind in ipairs(kinds) do
  local queue = kind.queue
  if not indexes[queue] then
    indexes[queue] = { ready = {}, tasks = {} }
    rcall('SADD', G .. 'queues', queue)
    promote(queue, kind.q)
  end
end

local duplicates = {}
local number = rcall('INCRBY', G .. 'seq', #ids) - #ids
for index, jobId in ipairs(ids) do
  local at = starts[index]
  local kind = kinds[tonumber(ARGV[at])]
  local queue, q, lane = kind.queue, kind.q, kind.lane
  local there = placed[jobId] or known[index]
  if not there or rcall('EXISTS', P .. there .. ':' .. jobId) == 0 then
    local key, holder
    if kind.isKeyed then
      key = ARGV[at + 4]
      holder = rcall('HGET', G .. 'alias', jobId) or holderOf(key)
    end
    if holder then
      duplicates[#duplicates + 1] = index - 1
      duplicates[#duplicates + 1] = holder
      local holderQueue = placed[holder] or where(holder)
      if ARGV[at + 6] == '1' and holderQueue and rcall('HSETNX', G .. 'alias', jobId, holder) == 1 then
        rcall('SADD', G .. 'aliases:' .. holder, jobId)
        rcall('HSET', P .. holderQueue .. ':' .. holder, 'pt:al', 1)
        changed(jobId, 'alias')
      end
    else
      number = number + 1
      local numberText = whole(number)
      local runAt = tonumber(ARGV[at + 3])
      local delay = runAt > now and runAt - now or 0
      rcall('HSET', q .. jobId, 'name', kind.name, 'data', ARGV[at + 2], 'opts', '${options}', 'timestamp', nowText,
        'delay', whole(delay), 'priority', kind.priority, 'pt', kind.ours, 'pt:seq', numberText)
      if lane ~= '' then rcall('HSET', q .. jobId, 'pt:lane', lane) end
      if key then
        rcall('HSET', q .. jobId, 'pt:key', key)
        if ARGV[at + 5] ~= '' then rcall('HSET', q .. jobId, 'pt:until', ARGV[at + 5]) end
        rcall('ZADD', G .. 'key:' .. key, numberText, jobId)
      end
      if delay > 0 then
        rcall('HSET', q .. jobId, 'pt:run', ARGV[at + 3])
        schedule(queue, q, jobId, runAt, number)
      elseif lane ~= '' then
        makeReady(queue, q, jobId, lane, scoreOf(kind.priority, number))
      else
        local ready = indexes[queue].ready
        ready[#ready + 1] = scoreOf(kind.priority, number)
        ready[#ready + 1] = jobId
      end
      local tasks = indexes[queue].tasks
      tasks[#tasks + 1] = numberText
      tasks[#tasks + 1] = jobId
      placed[jobId] = queue
      places[#places + 1] = jobId
      places[#places + 1] = queue
      changed(jobId, 'sent')
    end
  end
end
for queue, index in pairs(indexes) do
  local q = P .. queue .. ':'
  if #index.ready > 0 then
    many('ZADD', q .. 'prioritized', index.ready)
    many('ZADD', q .. '~petiole:ready:', index.ready)
    wake(queue, 0)
  end
  many('ZADD', q .. '~petiole:tasks', index.tasks)
end
-- Last, so that a send that failed on a key that is none may be repeated.
many('HSET', G .. 'where', places)
tellWoken()
return duplicates
`;
