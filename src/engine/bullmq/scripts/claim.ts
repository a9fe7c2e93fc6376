import { takeForeign } from "./foreign.ts";
import { shared } from "./shared.ts";

/**
 * Claims tasks.
 *
 * ARGV: prefix, limit, lease, token, worker, what the process holds already (of each token what comes after
 * the process's name, and "+", or "." where it holds that for less than the longest lease), then lists, each after its length: queues; lanes with their limits (lane,
 * concurrency, rate, per); what is needed by parked tasks that the worker knows; the same that it does not know;
 * the names of jobs of others that it takes, and that it does not; and, where it takes any at all, a count of its claims.
 *
 * Returns: what it claimed; when to look again, in milliseconds from now, or -1; what is needed that nobody has asked the
 * worker about (then nothing was claimed); names of jobs of others likewise.
 */
export const claim = `${shared}
local asked, lease, token, worker = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
-- How many there may be with those of the queue that is looked at.
local limit = asked
local own = string.match(token, '^(.*)%-')
local at = 7
local function list(width)
  local length = tonumber(ARGV[at])
  local first = at + 1
  at = first + length * width
  return first, at - 1
end
local function setOf(first, last, set, value)
  for index = first, last do set[ARGV[index]] = value end
  return set
end
local queues, lastQueue = list(1)
local limits = {}
local lanes, lastLane = list(4)
for index = lanes, lastLane, 4 do
  limits[ARGV[index]] = { tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3]) }
end
local needs = {}
local first, last = list(1)
setOf(first, last, needs, 1)
first, last = list(1)
setOf(first, last, needs, 0)
local names, unknownNames = {}, {}
first, last = list(1)
setOf(first, last, names, 1)
first, last = list(1)
setOf(first, last, names, 0)
local claims = tonumber(ARGV[at])

-- All that is needed has to be asked about before anything is claimed: what was parked comes first.
local unasked, hasLeft = {}, {}
for index = queues, lastQueue do
  for _, need in ipairs(rcall('HKEYS', P .. ARGV[index] .. ':~petiole:needs')) do
    hasLeft[ARGV[index]] = true
    if not needs[need] then
      needs[need] = 0
      unasked[#unasked + 1] = need
    end
  end
end
if #unasked > 0 then return { {}, -1, unasked, {} } end

local deliveries = {}
local rooms = {}
local soonest = -1
local function soon(delay)
  if delay >= 0 and (soonest < 0 or delay < soonest) then soonest = delay end
end

local function room(lane)
  if lane == '' then return 1 end
  local allowed = limits[lane]
  if not allowed then return 1 end
  if not rooms[lane] then
    local left = math.huge
    if allowed[1] then left = allowed[1] - rcall('ZCOUNT', G .. 'lane:run:' .. lane, '(' .. now, '+inf') end
    if allowed[2] then
      rcall('ZREMRANGEBYSCORE', G .. 'lane:starts:' .. lane, '-inf', now - allowed[3])
      left = math.min(left, allowed[2] - rcall('ZCARD', G .. 'lane:starts:' .. lane))
    end
    rooms[lane] = left
  end
  return rooms[lane]
end

local leaseEnd = whole(now + lease)
-- What was taken of a queue goes into the lists of what runs at the end, all at once.
local active, leases = {}, {}

local function take(queue, q, jobId, crashed, score)
  local key = q .. jobId
  local job = rcall('HMGET', key, 'name', 'data', 'pt', 'atm', 'stc', 'pt:def', 'pt:defAt', 'pt:cxl', 'pt:lane', 'progress')
  -- Removed by other hands.
  if not job[1] and not job[2] and not job[3] then return end
  local lane = job[9] or ''
  if crashed then job[5] = increase(key, 'stc', 1) end
  if job[10] then rcall('HDEL', key, 'progress') end
  if score then
    rcall('HSET', key, 'processedOn', nowText, 'pb', worker, 'pt:tok', token, 'pt:sc', score)
  else
    rcall('HSET', key, 'processedOn', nowText, 'pb', worker, 'pt:tok', token)
  end
  rcall('SET', key .. ':lock', token, 'PX', ARGV[3])
  active[#active + 1] = jobId
  leases[#leases + 1] = leaseEnd
  leases[#leases + 1] = jobId
  if lane ~= '' then
    local allowed = limits[lane]
    if rooms[lane] then rooms[lane] = rooms[lane] - 1 end
    rcall('ZADD', G .. 'lane:run:' .. lane, leaseEnd, jobId)
    if allowed and allowed[2] then
      rcall('ZADD', G .. 'lane:starts:' .. lane, now, token .. ':' .. jobId)
      rcall('PEXPIRE', G .. 'lane:starts:' .. lane, math.ceil(allowed[3]) + 1000)
    end
  end
  if job[8] then rcall('SADD', G .. 'marked:' .. worker, jobId) end
  changed(jobId, 'running')
  local delivery = { queue, jobId, job[1], job[2], job[3] }
  -- Most have no past.
  if job[4] or job[5] or job[6] or job[7] or job[8] then
    for index = 4, 8 do delivery[index + 2] = job[index] or '' end
  end
  deliveries[#deliveries + 1] = delivery
end

-- For how long from now on what has run out is still the asking process's own, which lives, but could not say so in time.
-- Where it is for short, its heartbeat is on its way, or it has none.
local function stillHeld(held)
  if string.sub(held, 1, #own) ~= own then return end
  local number = string.sub(held, #own + 1)
  if string.find(ARGV[6], number .. '+', 1, true) then return lease end
  if string.find(ARGV[6], number .. '.', 1, true) then return math.min(lease, 250) end
end

-- Keeps what has run out and is still held, before lanes are looked at, in which that runs. Returns the rest.
local function keepHeld(q, lost)
  local others = {}
  for _, jobId in ipairs(lost) do
    local held = rcall('HGET', q .. jobId, 'pt:tok') or ''
    local duration = stillHeld(held)
    if duration and holds(q, jobId, held) then
      keep(q, jobId, held, duration)
    else
      others[#others + 1] = jobId
    end
  end
  return others
end

-- What was running, and lost its lease.
local function takeLost(queue, q)
  local lost = rcall('ZRANGEBYSCORE', q .. '~petiole:leases', '-inf', now, 'LIMIT', 0, limit + 1000)
  for _, jobId in ipairs(keepHeld(q, lost)) do
    if #deliveries >= limit then return end
    local job = rcall('HMGET', q .. jobId, 'pt:tok', 'pt:lane', 'finishedOn', 'pb', 'pt:cxl', 'pt')
    local lock = rcall('GET', q .. jobId .. ':lock')
    if not job[1] or job[3] or (lock and lock ~= job[1]) then
      -- Removed, ended, or taken by BullMQ.
      rcall('ZREM', q .. '~petiole:leases', jobId)
      if job[3] then adoptEnd(queue, q, jobId) end
    elseif not job[6] then
      -- As BullMQ does with a job that has stalled.
      rcall('ZREM', q .. '~petiole:leases', jobId)
      rcall('HDEL', q .. jobId, 'pt:tok')
      if rcall('LREM', q .. 'active', -1, jobId) > 0 then
        increase(q .. jobId, 'stc', 1)
        rcall('RPUSH', q .. 'wait', jobId)
        event(q, 'stalled', 'jobId', jobId)
      end
    elseif room(job[2] or '') > 0 then
      if rcall('LREM', q .. 'active', -1, jobId) == 0 then takeOut(q, jobId, job[2] or '') end
      if job[5] and job[4] then rcall('SREM', G .. 'marked:' .. job[4], jobId) end
      take(queue, q, jobId, true)
    end
  end
end

local function takeLeft(queue, q)
  if not hasLeft[queue] then return end
  for _, jobId in ipairs(rcall('ZRANGE', q .. '~petiole:left', 0, -1)) do
    if #deliveries >= limit then return end
    local job = rcall('HMGET', q .. jobId, 'pt:needs', 'pt:lane', 'pt:st')
    if job[3] ~= 'parked' or not job[1] then
      rcall('ZREM', q .. '~petiole:left', jobId)
    elseif needs[job[1]] == 1 and room(job[2] or '') > 0 then
      forgetLeft(q, jobId, job[1])
      rcall('ZREM', q .. 'failed', jobId)
      rcall('ZREM', q .. '~petiole:ended:parked', jobId)
      rcall('HDEL', q .. jobId, 'finishedOn', 'failedReason', 'pt:st', 'stacktrace')
      take(queue, q, jobId, false)
    end
  end
end

${takeForeign}
-- Takes jobs, each followed by its score, out of what BullMQ has of them, all at once. Whether they were what it has first.
local function areFirst(q, heads)
  local count = #heads / 2
  -- One is taken out as quickly by itself.
  if count < 2 then return false end
  local first = rcall('ZRANGE', q .. 'prioritized', 0, count - 1)
  for index = 1, count do
    if first[index] ~= heads[2 * index - 1] then return false end
  end
  rcall('ZREMRANGEBYRANK', q .. 'prioritized', 0, count - 1)
  return true
end

-- What waits, from the lane whose first comes first. Our indexes are checked: BullMQ may have taken or removed the job.
local function isThere(queue, q, jobId)
  if rcall('ZREM', q .. 'prioritized', jobId) == 1 then return true end
  if rcall('HEXISTS', q .. jobId, 'pt') == 0 then return false end
  if rcall('HEXISTS', q .. jobId, 'finishedOn') == 1 then
    adoptEnd(queue, q, jobId)
    return false
  end
  return rcall('EXISTS', q .. jobId .. ':lock') == 0 and rcall('LREM', q .. 'wait', 0, jobId) > 0
end

local function takeWaiting(queue, q)
  promote(queue, q)
  local named = rcall('SMEMBERS', q .. '~petiole:lanes')
  -- As a rule nothing has a lane.
  while #named == 0 and #deliveries < limit do
    local heads = rcall('ZPOPMIN', q .. '~petiole:ready:', limit - #deliveries)
    if #heads == 0 then return end
    local areThere = areFirst(q, heads)
    for index = 1, #heads, 2 do
      if areThere or isThere(queue, q, heads[index]) then take(queue, q, heads[index], false, heads[index + 1]) end
    end
  end
  while #deliveries < limit do
    local lane, jobId, score
    for index = 0, #named do
      local other = named[index] or ''
      if room(other) > 0 then
        local head = rcall('ZRANGE', q .. '~petiole:ready:' .. other, 0, 0, 'WITHSCORES')
        if not head[1] then
          if other ~= '' then rcall('SREM', q .. '~petiole:lanes', other) end
        elseif not score or tonumber(head[2]) < tonumber(score) then
          lane, jobId, score = other, head[1], head[2]
        end
      end
    end
    if not jobId then return end
    rcall('ZREM', q .. '~petiole:ready:' .. lane, jobId)
    if isThere(queue, q, jobId) then take(queue, q, jobId, false, score) end
  end
end

for index = queues, lastQueue do
  local queue = ARGV[index]
  local q = P .. queue .. ':'
  purge(q, 10)
  -- A queue that BullMQ's users have paused, or limited, is so for us.
  local meta = rcall('HMGET', q .. 'meta', 'paused', 'concurrency')
  if #deliveries < asked and not meta[1] then
    limit = asked
    takeLost(queue, q)
    -- What was lost had a place, which it keeps.
    if meta[2] then
      limit = math.min(asked, #deliveries + tonumber(meta[2]) - rcall('LLEN', q .. 'active') - #active)
    end
    if #deliveries < limit then takeLeft(queue, q) end
    if #deliveries < limit and claims then takeForeign(queue, q) end
    if #deliveries < limit then takeWaiting(queue, q) end
    if #active > 0 then
      many('LPUSH', q .. 'active', active)
      many('ZADD', q .. '~petiole:leases', leases)
      active, leases = {}, {}
    end
    -- When to look again, unless there may be more at once.
    if #deliveries >= asked then break end
    local nextLease = rcall('ZRANGEBYSCORE', q .. '~petiole:leases', '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if nextLease[2] then soon(nextLease[2] - now) end
    local nextTime = rcall('ZRANGE', q .. '~petiole:scheduled', 0, 0, 'WITHSCORES')
    if nextTime[2] then soon(math.floor(nextTime[2] / 4096) - now) end
  end
end
for lane, left in pairs(rooms) do
  if left <= 0 then
    local oldest = rcall('ZRANGE', G .. 'lane:starts:' .. lane, 0, 0, 'WITHSCORES')
    if limits[lane][2] and oldest[2] then soon(math.max(0, oldest[2] + limits[lane][3] - now)) end
    local run = rcall('ZRANGEBYSCORE', G .. 'lane:run:' .. lane, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if run[2] then soon(run[2] - now) end
  end
end
return { deliveries, math.ceil(soonest), {}, unknownNames }
`;
