import { shared } from "./shared.ts";

const reading = `${shared}
local function stateOfForeign(q, jobId)
  if rcall('HEXISTS', q .. jobId, 'name') == 0 then return nil end
  if rcall('ZSCORE', q .. 'completed', jobId) then return 'succeeded' end
  if rcall('ZSCORE', q .. 'failed', jobId) then return 'failed' end
  if rcall('ZSCORE', q .. 'delayed', jobId) then return 'scheduled' end
  return rcall('EXISTS', q .. jobId .. ':lock') == 1 and 'running' or 'waiting'
end

local function recordOf(queue, q, jobId)
  local state = stateOf(q, jobId) or stateOfForeign(q, jobId)
  if not state then return nil end
  return { queue, jobId, state, rcall('HGETALL', q .. jobId) }
end

-- The job that answers for an id.
local function answering(id)
  local queue, q, jobId = where(id)
  if q and rcall('EXISTS', q .. jobId) == 1 then return jobId, queue, q end
  local holder = rcall('HGET', G .. 'alias', id)
  if holder then
    queue, q = where(holder)
    if q then return holder, queue, q end
  end
end
`;

/** ARGV: prefix, ids. Returns a record, or nothing, for each. */
export const find = `${reading}
local records = {}
for at = 2, #ARGV do
  local jobId, queue, q = answering(ARGV[at])
  if q then purge(q, 100) end
  records[at - 1] = q and recordOf(queue, q, jobId) or {}
end
return records
`;

/** ARGV: prefix, id. Returns the queue and the lines. */
export const logs = `${reading}
local jobId, _, q = answering(ARGV[2])
if not q then return {} end
purge(q, 100)
return rcall('LRANGE', q .. jobId .. ':logs', 0, -1)
`;

/**
 * ARGV: prefix, limit, after, queue or nothing, name or nothing, "all" or states.
 * Returns records, and the number after which to go on, or nothing.
 */
export const list = `${reading}
local limit, after, onlyQueue, onlyName = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local wanted, states = nil, {}
if ARGV[6] ~= 'all' then
  wanted = {}
  for at = 6, #ARGV do
    wanted[ARGV[at]] = true
    states[#states + 1] = ARGV[at]
  end
end
local onTheWay = { scheduled = true, waiting = true, running = true }
local few = 1000
local found = {}

-- Goes through an index in the order of its numbers, until there are enough.
local function walk(queue, q, index)
  local from, count = '(' .. after, 0
  while count <= limit do
    local some = rcall('ZRANGEBYSCORE', index, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 200)
    for at = 1, #some, 2 do
      local jobId, number = some[at], some[at + 1]
      local state = stateOf(q, jobId)
      if not state then
        remove(q, jobId)
      elseif (not wanted or wanted[state]) and (onlyName == '' or rcall('HGET', q .. jobId, 'name') == onlyName) then
        found[#found + 1] = { tonumber(number), queue, q, jobId }
        count = count + 1
      end
      from = '(' .. number
    end
    if #some < 400 then return end
  end
end

-- Looks at members of a set that is small, whatever its order.
local function pick(queue, q, members, state)
  for _, jobId in ipairs(members) do
    local number = rcall('HGET', q .. jobId, 'pt:seq')
    if number and numberOf(number) > tonumber(after) and stateOf(q, jobId) == state and
      (onlyName == '' or rcall('HGET', q .. jobId, 'name') == onlyName) then
      found[#found + 1] = { numberOf(number), queue, q, jobId }
    end
  end
end

for _, queue in ipairs(rcall('SMEMBERS', G .. 'queues')) do
  if onlyQueue == '' or queue == onlyQueue then
    local q = P .. queue .. ':'
    purge(q, 1000)
    local all = not wanted
    if wanted then
      -- What is on the way is in no index by number. Where it is little, it is looked at; else it is dense in that of all.
      local rare = {}
      if wanted.scheduled and rcall('ZCARD', q .. '~petiole:scheduled') > few then all = true end
      if wanted.running and rcall('ZCARD', q .. '~petiole:leases') > few then all = true end
      if wanted.waiting and (rcall('ZCARD', q .. 'prioritized') > few or rcall('LLEN', q .. 'wait') > 0 or
        rcall('EXISTS', q .. '~petiole:lanes') == 1) then all = true end
    end
    if all then
      walk(queue, q, q .. '~petiole:tasks')
    else
      for _, state in ipairs(states) do
        if not onTheWay[state] then walk(queue, q, q .. '~petiole:ended:' .. state) end
      end
      if wanted.scheduled or wanted.waiting then
        local members = rcall('ZRANGE', q .. '~petiole:scheduled', 0, -1)
        if wanted.scheduled then pick(queue, q, members, 'scheduled') end
        if wanted.waiting then pick(queue, q, members, 'waiting') end
      end
      if wanted.waiting then pick(queue, q, rcall('ZRANGE', q .. 'prioritized', 0, -1), 'waiting') end
      if wanted.running then pick(queue, q, rcall('LRANGE', q .. 'active', 0, -1), 'running') end
    end
  end
end
table.sort(found, function(one, other) return one[1] < other[1] end)
local records = {}
for index = 1, math.min(limit, #found) do
  local entry = found[index]
  records[index] = recordOf(entry[2], entry[3], entry[4])
end
return { records, #found > limit and string.format('%.0f', found[limit][1]) or '' }
`;

/** ARGV: prefix. Returns queue, state and count, one after the other. */
export const counts = `${shared}
local answer = {}
local function add(queue, state, count)
  if count <= 0 then return end
  answer[#answer + 1] = queue
  answer[#answer + 1] = state
  answer[#answer + 1] = count
end
for _, queue in ipairs(rcall('SMEMBERS', G .. 'queues')) do
  local q = P .. queue .. ':'
  purge(q, 1000)
  for _, state in ipairs({'succeeded', 'failed', 'parked', 'skipped', 'discarded', 'expired', 'cancelled'}) do
    add(queue, state, rcall('ZCARD', q .. '~petiole:ended:' .. state))
  end
  local running = 0
  for _, jobId in ipairs(rcall('ZRANGE', q .. '~petiole:leases', 0, -1)) do
    -- No job of others.
    if rcall('ZSCORE', q .. '~petiole:tasks', jobId) then running = running + 1 end
  end
  add(queue, 'running', running)
  local ready = rcall('ZCARD', q .. '~petiole:ready:')
  for _, lane in ipairs(rcall('SMEMBERS', q .. '~petiole:lanes')) do
    ready = ready + rcall('ZCARD', q .. '~petiole:ready:' .. lane)
  end
  -- What workers and users of BullMQ's have taken, promoted or removed is in our indexes still.
  local scheduled = rcall('ZCARD', q .. '~petiole:scheduled')
  local later = math.min(scheduled, rcall('ZCOUNT', q .. 'delayed', (now + 1) * 4096, '+inf'))
  local there = rcall('ZCARD', q .. 'prioritized') + rcall('LLEN', q .. 'wait') + rcall('LLEN', q .. 'paused') +
    rcall('ZCARD', q .. 'delayed') - later
  add(queue, 'waiting', math.min(ready + scheduled - later, there))
  add(queue, 'scheduled', later)
end
return answer
`;

/** ARGV: prefix. Returns the queues that are paused. */
export const paused = `${shared}
local answer = {}
for _, queue in ipairs(rcall('SMEMBERS', G .. 'queues')) do
  if rcall('HEXISTS', P .. queue .. ':meta', 'paused') == 1 then answer[#answer + 1] = queue end
end
return answer
`;

/** ARGV: prefix, worker. Returns job id and token of each of its runs that were cancelled. */
export const marked = `${shared}
local answer = {}
for _, jobId in ipairs(rcall('SMEMBERS', G .. 'marked:' .. ARGV[2])) do
  local _, q = where(jobId)
  local job = q and rcall('HMGET', q .. jobId, 'pt:tok', 'pt:cxl', 'pb', 'finishedOn')
  if job and job[1] and job[2] and job[3] == ARGV[2] and not job[4] then
    answer[#answer + 1] = jobId
    answer[#answer + 1] = job[1]
  else
    rcall('SREM', G .. 'marked:' .. ARGV[2], jobId)
  end
end
return answer
`;

/**
 * ARGV: prefix, queues. Returns whether a claim on them may find something, and when to look again, in milliseconds from
 * now, or -1.
 */
export const peek = `${shared}
local ready, soonest = 0, -1
local function soon(delay)
  delay = math.max(1, delay)
  if soonest < 0 or delay < soonest then soonest = delay end
end
for at = 2, #ARGV do
  local q = P .. ARGV[at] .. ':'
  purge(q, 100)
  if rcall('HEXISTS', q .. 'meta', 'paused') == 0 then
    if rcall('ZCARD', q .. 'prioritized') > 0 or rcall('LLEN', q .. 'wait') > 0 or rcall('ZCARD', q .. '~petiole:left') > 0 then
      ready = 1
    end
    local function look(key, scale)
      local first = rcall('ZRANGE', key, 0, 0, 'WITHSCORES')
      if not first[2] then return end
      local at = math.floor(first[2] / scale)
      if at <= now then
        ready = 1
        local next = rcall('ZRANGEBYSCORE', key, (now + 1) * scale, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
        if next[2] then soon(math.floor(next[2] / scale) - now) end
      else
        soon(at - now)
      end
    end
    look(q .. '~petiole:scheduled', 4096)
    look(q .. '~petiole:leases', 1)
    -- A job that BullMQ's users delayed.
    look(q .. 'delayed', 4096)
  end
end
return { ready, soonest }
`;

/**
 * ARGV: prefix, most. Removes what was kept long enough, in all queues, and goes on looking through the tasks for what BullMQ's
 * workers have ended and its users have removed. Returns 1 when there may be more to remove.
 */
export const sweep = `${shared}
local more, most = 0, tonumber(ARGV[2])
local function follow(queue, q)
  local after = rcall('HGET', G .. 'followed', queue) or '0'
  local some = rcall('ZRANGEBYSCORE', q .. '~petiole:tasks', '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  for at = 1, #some, 2 do
    local jobId = some[at]
    local job = rcall('HMGET', q .. jobId, 'finishedOn', 'pt:at', 'pt:lane')
    if job[1] and job[1] ~= job[2] then
      takeOut(q, jobId, job[3] or '')
      adoptEnd(queue, q, jobId)
    elseif not job[1] and rcall('EXISTS', q .. jobId) == 0 then
      remove(q, jobId)
    end
  end
  rcall('HSET', G .. 'followed', queue, #some < 2 * most and '0' or some[#some])
end

for _, queue in ipairs(rcall('SMEMBERS', G .. 'queues')) do
  local q = P .. queue .. ':'
  purge(q, most)
  follow(queue, q)
  if rcall('ZCOUNT', q .. '~petiole:gone', '-inf', now) > 0 then more = 1 end
end
return more
`;

/**
 * ARGV: prefix, for how many milliseconds from now changes are to be told, ids. Returns for each the id that answers for it
 * and what can change of it, or two empty texts.
 */
export const glance = `${reading}
-- First, so that whatever is changed after this look is told.
if rcall('PTTL', G .. 'watched') < tonumber(ARGV[2]) then
  evenIfFull()
  rcall('SET', G .. 'watched', 1, 'PX', ARGV[2])
end
local answer = {}
for at = 3, #ARGV do
  local jobId, _, q = answering(ARGV[at])
  local state = q and stateOf(q, jobId)
  if state then
    local job = rcall('HMGET', q .. jobId, 'atm', 'progress', 'pt:def')
    answer[#answer + 1] = jobId
    answer[#answer + 1] = state .. ' ' .. (job[1] or '') .. ' ' .. (job[3] or '') .. ' ' .. (job[2] or '')
  else
    answer[#answer + 1] = ''
    answer[#answer + 1] = ''
  end
end
return answer
`;

/** ARGV: prefix, queue. Returns the version of BullMQ that it was opened with, or an empty text. */
export const version = `${shared}
return rcall('HGET', P .. ARGV[2] .. ':meta', 'version') or ''
`;

/**
 * ARGV: prefix. Returns what Redis does when it is full, or an empty text where it has no limit; and why it takes no messages
 * from this user, or an empty text.
 */
export const circumstances = `
local info = redis.pcall('INFO', 'memory')
local policy = ''
if type(info) == 'string' and string.match(info, 'maxmemory:(%d+)') ~= '0' then
  policy = string.match(info, 'maxmemory_policy:([%w-]+)') or ''
end
local told = redis.pcall('PUBLISH', ARGV[1] .. ':~petiole:q:', '0')
return { policy, type(told) == 'table' and told.err or '' }
`;
