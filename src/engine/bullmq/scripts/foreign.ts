/**
 * Jobs of others: those that were added with BullMQ itself.
 *
 * Taken are plain ones alone. One of a job scheduler, of a flow, or with BullMQ's de-duplication needs BullMQ's own worker,
 * which does more at its end than to end it.
 *
 * @module
 */

/** How many places of a list are looked at for jobs that a worker takes: the first, and one more part of it with each claim. */
const window = 100;

/** Takes jobs of others, first those without a priority, as BullMQ does. Within the script that claims. */
export const takeForeign = `
-- Makes wait what others have delayed and is due, as BullMQ's workers do.
local function promoteForeign(queue, q)
  for _, jobId in ipairs(rcall('ZRANGEBYSCORE', q .. 'delayed', '-inf', now * 4096 + 4095, 'LIMIT', 0, ${window})) do
    local job = rcall('HMGET', q .. jobId, 'pt', 'priority')
    if not job[1] then
      rcall('ZREM', q .. 'delayed', jobId)
      local priority = tonumber(job[2]) or 0
      if priority == 0 then
        rcall('LPUSH', q .. 'wait', jobId)
      else
        rcall('ZADD', q .. 'prioritized', scoreOf(priority, rcall('INCR', q .. 'pc')), jobId)
      end
      rcall('HSET', q .. jobId, 'delay', 0)
      event(q, 'waiting', 'jobId', jobId, 'prev', 'delayed')
    end
  end
end

-- Looks at a job that may be another's. Ours is here when BullMQ's users have retried or promoted it.
local function meet(queue, q, jobId, takeFrom)
  local job = rcall('HMGET', q .. jobId, 'pt', 'name', 'rjk', 'parentKey', 'deid', 'pt:lane', 'priority', 'pt:st')
  if job[1] then
    if rcall('ZSCORE', q .. '~petiole:ready:' .. (job[6] or ''), jobId) then return end
    takeFrom()
    forgetEnd(q, jobId, job[8])
    rcall('ZREM', q .. '~petiole:scheduled', jobId)
    rcall('HSET', q .. jobId, 'pt:run', now)
    makeReady(queue, q, jobId, job[6] or '', scoreOf(job[7] or 0, nextNumber()))
    changed(jobId, 'again')
  elseif job[2] and not job[3] and not job[4] and not job[5] then
    if names[job[2]] == 1 then
      takeFrom()
      increase(q .. jobId, 'ats', 1)
      take(queue, q, jobId, false)
      event(q, 'active', 'jobId', jobId, 'prev', 'waiting')
    elseif not names[job[2]] then
      names[job[2]] = 0
      unknownNames[#unknownNames + 1] = job[2]
    end
  end
end

local function windowsOf(length)
  local count = math.ceil(length / ${window})
  if count < 2 then return { 0 } end
  return { 0, ${window} * (1 + claims % (count - 1)) }
end

local function takeForeign(queue, q)
  promoteForeign(queue, q)
  local waiting = rcall('LLEN', q .. 'wait')
  if waiting > 0 then
    for _, from in ipairs(windowsOf(waiting)) do
      local some = rcall('LRANGE', q .. 'wait', -from - ${window}, -from - 1)
      for index = #some, 1, -1 do
        if #deliveries >= limit then return end
        local jobId = some[index]
        meet(queue, q, jobId, function() rcall('LREM', q .. 'wait', -1, jobId) end)
      end
    end
  end
  local prioritized = rcall('ZCARD', q .. 'prioritized')
  local ours = rcall('ZCARD', q .. '~petiole:ready:')
  if prioritized <= ours then return end
  for _, lane in ipairs(rcall('SMEMBERS', q .. '~petiole:lanes')) do
    ours = ours + rcall('ZCARD', q .. '~petiole:ready:' .. lane)
  end
  if prioritized <= ours then return end
  for _, from in ipairs(windowsOf(prioritized)) do
    for _, jobId in ipairs(rcall('ZRANGE', q .. 'prioritized', from, from + ${window} - 1)) do
      if #deliveries >= limit then return end
      meet(queue, q, jobId, function() rcall('ZREM', q .. 'prioritized', jobId) end)
    end
  end
end
`;

/** Ends the claim of a job of others, as BullMQ's workers do. Within the script that settles. */
export const settleForeign = `
-- Keeps as many ended jobs, and for as long, as the job's own options say; ours go by their own time.
local function keepForeign(q, set, jobId, keep)
  if keep == true then keep = { count = 0 } elseif type(keep) == 'number' then keep = { count = keep } end
  if type(keep) ~= 'table' then return end
  local old = {}
  if type(keep.age) == 'number' then
    for _, other in ipairs(rcall('ZREVRANGEBYSCORE', q .. set, now - keep.age * 1000, '-inf', 'LIMIT', 0, 1000)) do
      old[#old + 1] = other
    end
  end
  if type(keep.count) == 'number' then
    for _, other in ipairs(rcall('ZREVRANGE', q .. set, keep.count, keep.count + 999)) do old[#old + 1] = other end
  end
  for _, other in ipairs(old) do
    if rcall('HEXISTS', q .. other, 'pt') == 0 then
      rcall('ZREM', q .. set, other)
      rcall('DEL', q .. other, q .. other .. ':logs', q .. other .. ':dependencies', q .. other .. ':processed',
        q .. other .. ':failed', q .. other .. ':unsuccessful')
    end
  end
end

local function settleForeign(queue, q, jobId, at)
  local key, kind = q .. jobId, ARGV[at + 2]
  local job = rcall('HMGET', key, 'opts', 'priority', 'pt:cxl', 'pb')
  local isOptions, options = pcall(cjson.decode, job[1] or '{}')
  if not isOptions or type(options) ~= 'table' then options = {} end
  local priority = tonumber(job[2]) or 0
  rcall('HDEL', key, 'pt:tok', 'pt:cxl', 'pt:cxs')
  local again = kind == 'retryAt' or kind == 'defer' or kind == 'release'
  if kind == 'succeeded' or kind == 'failed' or kind == 'retryAt' then increase(key, 'atm', 1) end
  if not again then rcall('HDEL', key, 'pt:def', 'pt:defAt') end
  if kind == 'succeeded' then
    rcall('HSET', key, 'returnvalue', ARGV[at + 4], 'finishedOn', now)
    rcall('ZADD', q .. 'completed', now, jobId)
    event(q, 'completed', 'jobId', jobId, 'returnvalue', ARGV[at + 4], 'prev', 'active')
    keepForeign(q, 'completed', jobId, options.removeOnComplete)
  elseif not again then
    rcall('HSET', key, 'failedReason', ARGV[at + 8], 'stacktrace', ARGV[at + 9], 'finishedOn', now)
    rcall('ZADD', q .. 'failed', now, jobId)
    event(q, 'failed', 'jobId', jobId, 'failedReason', ARGV[at + 8], 'prev', 'active')
    keepForeign(q, 'failed', jobId, options.removeOnFail)
  else
    if kind == 'defer' then
      increase(key, 'pt:def', 1)
      rcall('HSETNX', key, 'pt:defAt', now)
    elseif kind == 'retryAt' then
      rcall('HDEL', key, 'pt:def', 'pt:defAt')
    end
    local runAt = tonumber(ARGV[at + 5]) or 0
    if runAt > now then
      rcall('HSET', key, 'delay', runAt - now)
      rcall('ZADD', q .. 'delayed', runAt * 4096 + nextNumber() % 4096, jobId)
      event(q, 'delayed', 'jobId', jobId, 'delay', runAt)
      wake(queue, runAt - now)
    else
      if priority > 0 then
        rcall('ZADD', q .. 'prioritized', scoreOf(priority, 0), jobId)
      else
        rcall('RPUSH', q .. 'wait', jobId)
      end
      event(q, 'waiting', 'jobId', jobId, 'prev', 'active')
      wake(queue, 0)
    end
  end
end
`;
