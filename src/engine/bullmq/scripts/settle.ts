import { settleForeign } from "./foreign.ts";
import { shared } from "./shared.ts";

/** How many arguments there are for each settlement. */
export const settleArguments = 12;

/**
 * Ends claims.
 *
 * ARGV: prefix, "1" when this may have been done already and the answer was lost, then for each settlement: job id, token,
 * what becomes of it (a state, or `retryAt`, `defer`, `release`), reason, result, form of the result, time, keep, needs,
 * "1" when it was not used, and what BullMQ is to show of the reason: a text, and a list of texts as JSON.
 * Returns a list of 1 and 0.
 */
export const settle = `${shared}${settleForeign}
local function giveBack(lane, token, jobId)
  if lane ~= '' then rcall('ZREM', G .. 'lane:starts:' .. lane, token .. ':' .. jobId) end
end

local function settle(at)
  local token, kind, reason = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local queue, q, jobId = where(ARGV[at])
  if not queue then return 0 end
  local key = q .. jobId
  local h = rcall('HMGET', key, 'pt:tok', 'finishedOn', 'pt:lane', 'pt:key', 'pt:until', 'pt:seq', 'pb', 'pt:cxl',
    'pt:done', 'atm', 'pt:sc', 'priority', 'pt:why', 'pt:cxs', 'pt')
  local lock = rcall('GET', key .. ':lock')
  if h[1] ~= token or h[2] or (lock and lock ~= token) then
    -- The token stays with what it ended.
    return (ARGV[2] == '1' and (h[9] == token or (h[1] == token and h[2]))) and 1 or 0
  end
  if rcall('ZREM', q .. '~petiole:leases', jobId) == 0 then return 0 end
  local lane = h[3] or ''
  if lock then rcall('DEL', key .. ':lock') end
  if rcall('LREM', q .. 'active', -1, jobId) == 0 then takeOut(q, jobId, lane) end
  if not h[15] then
    settleForeign(queue, q, jobId, at)
    return 1
  end
  local cancelled = h[8]
  if cancelled then
    rcall('HDEL', key, 'pt:cxl', 'pt:cxs')
    if h[7] then rcall('SREM', G .. 'marked:' .. h[7], jobId) end
  end
  if ARGV[at + 9] == '1' then giveBack(lane, token, jobId) end
  leaveLane(queue, jobId, lane)
  local keep = ARGV[at + 7]
  local job = { number = h[6], key = h[4], until_ = h[5] }

  if kind == 'succeeded' then
    rcall('HSET', key, 'returnvalue', ARGV[at + 4], 'finishedOn', now, 'pt:st', kind, 'pt:at', now, 'atm', (h[10] or 0) + 1)
    if ARGV[at + 5] ~= '' then rcall('HSET', key, 'pt:form', ARGV[at + 5]) end
    if h[13] then rcall('HDEL', key, 'pt:why', 'failedReason', 'stacktrace') end
    event(q, 'completed', 'jobId', jobId, 'returnvalue', ARGV[at + 4], 'prev', 'active')
    finish(queue, q, jobId, kind, keep, job)
    return 1
  end

  local again = kind == 'retryAt' or kind == 'defer' or kind == 'release'
  if kind == 'retryAt' or kind == 'failed' then rcall('HINCRBY', key, 'atm', 1) end
  if kind == 'retryAt' then rcall('HDEL', key, 'pt:def', 'pt:defAt') end
  if again and cancelled then
    again, kind, reason = false, 'cancelled', cancelled
  end
  if not again then
    if ARGV[at + 8] ~= '' and kind == 'parked' then job.needs = ARGV[at + 8] end
    local text = ARGV[at + 10]
    if cancelled and reason == cancelled then text = h[14] or 'cancelled' end
    rcall('HSET', key, 'finishedOn', now, 'pt:st', kind, 'pt:at', now, 'pt:why', reason, 'failedReason', text, 'stacktrace', ARGV[at + 11])
    finish(queue, q, jobId, kind, keep, job)
    if job.needs then
      rcall('HSET', key, 'pt:needs', job.needs)
      rcall('ZADD', q .. '~petiole:left', job.number, jobId)
      rcall('HINCRBY', q .. '~petiole:needs', job.needs, 1)
      wake(queue, 0)
    end
    event(q, 'failed', 'jobId', jobId, 'failedReason', text, 'prev', 'active')
    return 1
  end

  rcall('HSET', key, 'pt:done', token)
  rcall('HDEL', key, 'pt:tok')
  if kind == 'release' then
    makeReady(queue, q, jobId, lane, h[11] or scoreOf(h[12], nextNumber()))
  else
    if kind == 'defer' then
      rcall('HINCRBY', key, 'pt:def', 1)
      rcall('HSETNX', key, 'pt:defAt', now)
      giveBack(lane, token, jobId)
    end
    local runAt = math.max(now, tonumber(ARGV[at + 6]))
    rcall('HSET', key, 'pt:why', reason, 'pt:run', runAt, 'delay', runAt - now)
    promote(queue, q)
    local number = nextNumber()
    if runAt > now then
      schedule(queue, q, jobId, runAt, number)
    else
      makeReady(queue, q, jobId, lane, scoreOf(h[12], number))
    end
  end
  changed(jobId, 'again')
  return 1
end

local answers = {}
for at = 3, #ARGV, ${settleArguments} do
  answers[#answers + 1] = settle(at)
end
tellWoken()
return answers
`;
