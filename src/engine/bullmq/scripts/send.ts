import { shared } from "./shared.ts";

/** How many arguments there are for each message. */
export const sendArguments = 12;

/**
 * Sends messages, all of them.
 *
 * ARGV: prefix, then for each: job id, queue, name, data, our field, options, priority, time, lane, key, until, follow.
 * Returns, in pairs, the positions of duplicates and the ids of the holders of their keys.
 */
export const send = `${shared}
local function holderOf(key)
  local best, bestUntil, bestNumber
  for _, jobId in ipairs(rcall('ZRANGE', G .. 'key:' .. key, 0, -1)) do
    local _, q = where(jobId)
    local job = q and rcall('HMGET', q .. jobId, 'pt:until', 'finishedOn', 'pt:needs', 'pt:seq')
    local held = job and job[4]
    if held then
      if job[1] then held = tonumber(job[1]) > now else held = not job[2] or job[3] end
    end
    if held then
      local until_, number = tonumber(job[1] or 0), tonumber(job[4])
      if not best or until_ < bestUntil or (until_ == bestUntil and number < bestNumber) then
        best, bestUntil, bestNumber = jobId, until_, number
      end
    else
      rcall('ZREM', G .. 'key:' .. key, jobId)
    end
  end
  return best
end

local duplicates = {}
local prepared = {}
local messages = (#ARGV - 1) / ${sendArguments}
-- What is due came before.
for at = 3, #ARGV, ${sendArguments} do
  local queue = ARGV[at]
  if not prepared[queue] then
    prepared[queue] = true
    rcall('SADD', G .. 'queues', queue)
    promote(queue, P .. queue .. ':')
  end
end
local number = rcall('INCRBY', G .. 'seq', messages) - messages
for index = 0, messages - 1 do
  local at = 2 + index * ${sendArguments}
  local jobId, queue = ARGV[at], ARGV[at + 1]
  local q = P .. queue .. ':'
  local known, knownQ = where(jobId)
  if not known or rcall('EXISTS', knownQ .. jobId) == 0 then
    local key = ARGV[at + 9]
    local holder
    if key ~= '' then holder = rcall('HGET', G .. 'alias', jobId) or holderOf(key) end
    if holder then
      duplicates[#duplicates + 1] = index
      duplicates[#duplicates + 1] = holder
      local _, holderQ = where(holder)
      if ARGV[at + 11] == '1' and holderQ and rcall('HSETNX', G .. 'alias', jobId, holder) == 1 then
        rcall('SADD', G .. 'aliases:' .. holder, jobId)
        rcall('HSET', holderQ .. holder, 'pt:al', 1)
        changed(jobId, 'alias')
      end
    else
      number = number + 1
      local runAt, lane, priority = tonumber(ARGV[at + 7]), ARGV[at + 8], ARGV[at + 6]
      local delay = 0
      if runAt > now then delay = runAt - now else runAt = now end
      rcall('HSET', q .. jobId, 'name', ARGV[at + 2], 'data', ARGV[at + 3], 'opts', ARGV[at + 5], 'timestamp', now,
        'delay', delay, 'priority', priority, 'pt', ARGV[at + 4], 'pt:seq', number, 'pt:run', runAt)
      if lane ~= '' then rcall('HSET', q .. jobId, 'pt:lane', lane) end
      if key ~= '' then
        rcall('HSET', q .. jobId, 'pt:key', key)
        if ARGV[at + 10] ~= '' then rcall('HSET', q .. jobId, 'pt:until', ARGV[at + 10]) end
        rcall('ZADD', G .. 'key:' .. key, number, jobId)
      end
      if delay > 0 then
        schedule(queue, q, jobId, runAt, number)
      else
        makeReady(queue, q, jobId, lane, scoreOf(priority, number))
      end
      -- Last, so that a send that failed on a key that is none may be repeated.
      rcall('ZADD', q .. '~petiole:tasks', number, jobId)
      rcall('HSET', G .. 'where', jobId, queue)
      changed(jobId, 'sent')
    end
  end
end
tellWoken()
return duplicates
`;
