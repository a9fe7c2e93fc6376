import { settleForeign } from "./foreign.ts";
import { sharedBySettle } from "./shared.ts";

/** How many arguments there are for a success, and for any other settlement. */
const successArguments = 6;
const otherArguments = 10;

/**
 * Ends claims.
 *
 * ARGV: prefix, "1" when this may have been done already and the answer was lost, then for each settlement: job id, token,
 * what becomes of it (a state, or `retryAt`, `defer`, `release`), keep; of a success its result and the form of that; of all
 * else reason, time, needs, "1" when it was not used, and what BullMQ is to show of the reason: a text, and a list of texts
 * as JSON. Returns a list of 1 and 0.
 */
export const settle = `${sharedBySettle}${settleForeign}
-- Successes, of a queue each: they go from the lists of what runs to those of what has ended all at once.
local function newEnded()
  return { jobs = {}, lanes = {}, locks = {}, completed = {}, succeeded = {}, gone = {} }
end

-- Of each settlement: where its arguments begin, its job, and what lock and lease that had when this began.
local starts, jobs, groupOf, locks, leases = {}, {}, {}, {}, {}
local groups = {}
local at = 3
while at <= #ARGV do
  starts[#starts + 1] = at
  jobs[#starts] = ARGV[at]
  at = at + (ARGV[at + 2] == 'succeeded' and ${successArguments} or ${otherArguments})
end
local known = many('HMGET', G .. 'where', jobs)
for index = 1, #starts do
  local queue, q, jobId = known[index], nil, jobs[index]
  if queue then q = P .. queue .. ':' else queue, q, jobId = where(jobId) end
  if queue then
    local group = groups[queue]
    if not group then
      group = { queue = queue, q = q, jobs = {}, locks = {}, indexes = {}, events = q .. 'events', ended = newEnded() }
      groups[queue] = group
    end
    local count = #group.jobs + 1
    group.jobs[count], group.locks[count], group.indexes[count] = jobId, q .. jobId .. ':lock', index
    groupOf[index], jobs[index] = group, jobId
  end
end
local function scoresOf(key, members)
  return inParts(members, function(...)
    -- Redis has had it since 6.2.
    local scores = redis.pcall('ZMSCORE', key, ...)
    if not scores.err then return scores end
    scores = {}
    for index, member in ipairs({ ... }) do scores[index] = rcall('ZSCORE', key, member) end
    return scores
  end)
end

-- One by itself is as quickly taken out as looked at.
local isAlone = #starts == 1
for _, group in pairs(groups) do
  local held = isAlone and {} or scoresOf(group.q .. '~petiole:leases', group.jobs)
  local locked = inParts(group.locks, function(...) return rcall('MGET', ...) end)
  for count, index in ipairs(group.indexes) do
    leases[index], locks[index] = held[count], locked[count]
  end
end

-- What was claimed first is last in the list, and ends first as a rule.
local function leaveActive(q, ended)
  local count = #ended.jobs
  if count > 3 then
    local isEnded = {}
    for _, jobId in ipairs(ended.jobs) do isEnded[jobId] = true end
    local last = rcall('LRANGE', q .. 'active', -count, -1)
    local areEnded = #last == count
    for _, jobId in ipairs(last) do
      areEnded = areEnded and isEnded[jobId]
      isEnded[jobId] = nil
    end
    if areEnded then
      rcall('LTRIM', q .. 'active', 0, -count - 1)
      return
    end
  end
  for index, jobId in ipairs(ended.jobs) do
    if rcall('LREM', q .. 'active', -1, jobId) == 0 then takeOut(q, jobId, ended.lanes[index]) end
  end
end

local function store(group)
  local q, ended = group.q, group.ended
  if #ended.jobs == 0 then return end
  group.ended = newEnded()
  if not isAlone then
    rcall('XTRIM', group.events, 'MAXLEN', '~', mostEventsOf(q))
    many('ZREM', q .. '~petiole:leases', ended.jobs)
  end
  inParts(ended.locks, function(...) rcall('DEL', ...) end)
  leaveActive(q, ended)
  many('ZADD', q .. 'completed', ended.completed)
  many('ZADD', q .. '~petiole:ended:succeeded', ended.succeeded)
  many('ZADD', q .. '~petiole:gone', ended.gone)
end

local function giveBack(lane, token, jobId)
  if lane ~= '' then rcall('ZREM', G .. 'lane:starts:' .. lane, token .. ':' .. jobId) end
end

local function succeed(group, jobId, key, at, h, lock)
  local ended = group.ended
  local count = #ended.jobs + 1
  local result, form, attempts = ARGV[at + 4], ARGV[at + 5], whole(h[8] and numberOf(h[8]) + 1 or 1)
  rcall('HSET', key, 'returnvalue', result, 'finishedOn', nowText, 'pt:st', 'succeeded', 'pt:at', nowText, 'atm', attempts)
  if form ~= '' then rcall('HSET', key, 'pt:form', form) end
  if h[9] then rcall('HDEL', key, 'pt:why', 'failedReason', 'stacktrace') end
  if isAlone then
    event(group.q, 'completed', 'jobId', jobId, 'returnvalue', result, 'prev', 'active')
  else
    rcall('XADD', group.events, '*', 'event', 'completed', 'jobId', jobId, 'returnvalue', result, 'prev', 'active')
  end
  ended.jobs[count], ended.lanes[count] = jobId, h[4] or ''
  if lock then ended.locks[#ended.locks + 1] = key .. ':lock' end
  ended.completed[2 * count - 1], ended.completed[2 * count] = nowText, jobId
  ended.succeeded[2 * count - 1], ended.succeeded[2 * count] = numberOf(h[6]) == 1 and 1 or h[6], jobId
  local until_ = h[5] and rcall('HGET', key, 'pt:until')
  local gone = goneAt(ARGV[at + 3], until_)
  if gone then
    ended.gone[#ended.gone + 1] = gone
    ended.gone[#ended.gone + 1] = jobId
  end
  if h[5] and not until_ then rcall('ZREM', G .. 'key:' .. h[5], jobId) end
  changed(jobId, 'succeeded')
end

local function settle(index, at)
  local group, jobId, token, kind = groupOf[index], jobs[index], ARGV[at + 1], ARGV[at + 2]
  if not group then return 0 end
  local queue, q = group.queue, group.q
  local key, lock = q .. jobId, locks[index]
  local h = rcall('HMGET', key, 'pt:tok', 'finishedOn', 'pt', 'pt:lane', 'pt:key', 'pt:seq', 'pt:cxl', 'atm', 'pt:why')
  if h[1] ~= token or h[2] or (lock and lock ~= token) then
    -- The token stays with what it ended.
    local isDone = ARGV[2] == '1' and ((h[1] == token and h[2]) or rcall('HGET', key, 'pt:done') == token)
    return isDone and 1 or 0
  end
  if isAlone then
    if rcall('ZREM', q .. '~petiole:leases', jobId) == 0 then return 0 end
  elseif not leases[index] then
    return 0
  end
  local lane, cancelled, shown = h[4] or '', h[7], nil
  if cancelled then
    local marked = rcall('HMGET', key, 'pb', 'pt:cxs')
    shown = marked[2] or 'cancelled'
    if h[3] then rcall('HDEL', key, 'pt:cxl', 'pt:cxs') end
    if marked[1] then rcall('SREM', G .. 'marked:' .. marked[1], jobId) end
  end
  if kind == 'succeeded' and h[3] then
    succeed(group, jobId, key, at, h, lock)
    leaveLane(queue, jobId, lane)
    return 1
  end

  store(group)
  rcall('ZREM', q .. '~petiole:leases', jobId)
  if lock then rcall('DEL', key .. ':lock') end
  if rcall('LREM', q .. 'active', -1, jobId) == 0 then takeOut(q, jobId, lane) end
  if not h[3] then
    settleForeign(queue, q, jobId, at)
    return 1
  end
  local reason, keep = ARGV[at + 4], ARGV[at + 3]
  if kind == 'defer' or ARGV[at + 7] == '1' then giveBack(lane, token, jobId) end
  leaveLane(queue, jobId, lane)

  local again = kind == 'retryAt' or kind == 'defer' or kind == 'release'
  if kind == 'retryAt' or kind == 'failed' then increase(key, 'atm', 1) end
  if kind == 'retryAt' then rcall('HDEL', key, 'pt:def', 'pt:defAt') end
  if cancelled and (again or (kind == 'parked' and ARGV[at + 6] ~= '')) then
    again, kind, reason = false, 'cancelled', cancelled
  end
  if not again then
    local job = { number = h[6], key = h[5], until_ = rcall('HGET', key, 'pt:until') }
    if ARGV[at + 6] ~= '' and kind == 'parked' then job.needs = ARGV[at + 6] end
    local text = ARGV[at + 8]
    if cancelled and reason == cancelled then text = shown end
    rcall('HSET', key, 'finishedOn', now, 'pt:st', kind, 'pt:at', now, 'pt:why', reason, 'failedReason', text, 'stacktrace', ARGV[at + 9])
    finish(queue, q, jobId, kind, keep, job)
    if job.needs then
      rcall('HSET', key, 'pt:needs', job.needs)
      rcall('ZADD', q .. '~petiole:left', numberOf(job.number), jobId)
      increase(q .. '~petiole:needs', job.needs, 1)
      wake(queue, 0)
    end
    event(q, 'failed', 'jobId', jobId, 'failedReason', text, 'prev', 'active')
    return 1
  end

  local place = rcall('HMGET', key, 'pt:sc', 'priority')
  rcall('HSET', key, 'pt:done', token)
  rcall('HDEL', key, 'pt:tok')
  if kind == 'release' then
    makeReady(queue, q, jobId, lane, place[1] or scoreOf(place[2], nextNumber()))
  else
    if kind == 'defer' then
      increase(key, 'pt:def', 1)
      rcall('HSETNX', key, 'pt:defAt', now)
    end
    local runAt = math.max(now, tonumber(ARGV[at + 5]))
    rcall('HSET', key, 'pt:why', reason, 'pt:run', runAt, 'delay', runAt - now)
    promote(queue, q)
    local number = nextNumber()
    if runAt > now then
      schedule(queue, q, jobId, runAt, number)
    else
      makeReady(queue, q, jobId, lane, scoreOf(place[2], number))
    end
  end
  changed(jobId, 'again')
  return 1
end

evenIfFull()
local answers = {}
for index, at in ipairs(starts) do answers[index] = settle(index, at) end
for _, group in pairs(groups) do store(group) end
tellWoken()
return answers
`;
