import { shared } from "./shared.ts";

const ending = `${shared}
-- Ends a task that does not run.
local function stop(queue, q, jobId, state, reason, shown, keep)
  local h = rcall('HMGET', q .. jobId, 'pt:lane', 'pt:seq', 'pt:key', 'pt:until', 'pt:st', 'pt:needs')
  takeOut(q, jobId, h[1] or '')
  if h[5] then
    rcall('ZREM', q .. '~petiole:ended:' .. h[5], jobId)
    rcall('ZREM', q .. '~petiole:gone', jobId)
    rcall('ZREM', q .. 'completed', jobId)
  end
  forgetLeft(q, jobId, h[6])
  rcall('HSET', q .. jobId, 'finishedOn', now, 'pt:st', state, 'pt:at', now, 'pt:why', reason, 'failedReason', shown)
  finish(queue, q, jobId, state, keep, { number = h[2], key = h[3], until_ = h[4] })
end
`;

/** ARGV: prefix, reason, what BullMQ shows of it, keep, ids. Returns how many were called off or marked. */
export const cancel = `${ending}
evenIfFull()
local count = 0
for at = 5, #ARGV do
  local queue, q, jobId = where(ARGV[at])
  local state = q and stateOf(q, jobId)
  if state == 'scheduled' or state == 'waiting' or (state == 'parked' and rcall('HEXISTS', q .. jobId, 'pt:needs') == 1) then
    stop(queue, q, jobId, 'cancelled', ARGV[2], ARGV[3], ARGV[4])
    count = count + 1
  elseif state == 'running' and rcall('HSETNX', q .. jobId, 'pt:cxl', ARGV[2]) == 1 then
    rcall('HSET', q .. jobId, 'pt:cxs', ARGV[3])
    local worker = rcall('HGET', q .. jobId, 'pb')
    if worker then
      rcall('SADD', G .. 'marked:' .. worker, jobId)
      tell('w:' .. worker, 'cancel')
    end
    count = count + 1
  end
end
return count
`;

/** ARGV: prefix, reason, what BullMQ shows of it, keep, ids. Returns how many were discarded. */
export const discard = `${ending}
local count = 0
for at = 5, #ARGV do
  local queue, q, jobId = where(ARGV[at])
  local state = q and stateOf(q, jobId)
  if state == 'scheduled' or state == 'waiting' or state == 'failed' or state == 'parked' then
    stop(queue, q, jobId, 'discarded', ARGV[2], ARGV[3], ARGV[4])
    count = count + 1
  end
end
return count
`;

/** ARGV: prefix, ids. Makes tasks that ended without success wait again. Returns how many there were. */
export const retry = `${shared}
local count = 0
for at = 2, #ARGV do
  local queue, q, jobId = where(ARGV[at])
  local state = q and stateOf(q, jobId)
  if state and state ~= 'succeeded' and state ~= 'scheduled' and state ~= 'waiting' and state ~= 'running' then
    local h = rcall('HMGET', q .. jobId, 'pt:lane', 'pt:seq', 'pt:key', 'priority', 'pt:needs')
    forgetLeft(q, jobId, h[5])
    rcall('ZREM', q .. '~petiole:ended:' .. state, jobId)
    rcall('ZREM', q .. '~petiole:gone', jobId)
    rcall('ZREM', q .. 'failed', jobId)
    rcall('HDEL', q .. jobId, 'finishedOn', 'failedReason', 'stacktrace', 'atm', 'stc', 'pt:st', 'pt:at', 'pt:why', 'pt:def',
      'pt:defAt', 'pt:cxl', 'pt:cxs', 'pt:tok', 'pt:done')
    rcall('HSET', q .. jobId, 'pt:run', now, 'delay', 0)
    if h[3] then rcall('ZADD', G .. 'key:' .. h[3], h[2], jobId) end
    promote(queue, q)
    makeReady(queue, q, jobId, h[1] or '', scoreOf(h[4], nextNumber()))
    changed(jobId, 'again')
    count = count + 1
  end
end
tellWoken()
return count
`;

/** ARGV: prefix, queue. As BullMQ pauses a queue, which it then is for BullMQ's workers too. */
export const pause = `${shared}
local q = P .. ARGV[2] .. ':'
evenIfFull()
rcall('SADD', G .. 'queues', ARGV[2])
if rcall('HSET', q .. 'meta', 'paused', 1) == 1 then event(q, 'paused') end
rcall('DEL', q .. 'marker')
return 1
`;

/** ARGV: prefix, queue. */
export const resume = `${shared}
local q = P .. ARGV[2] .. ':'
if rcall('HDEL', q .. 'meta', 'paused') == 1 then event(q, 'resumed') end
wake(ARGV[2], 0)
tellWoken()
return 1
`;
