import { shared } from "./shared.ts";

/**
 * Hands back what was claimed with tokens that nobody holds: the answer to the claim was lost. Counts nothing.
 *
 * ARGV: prefix, how many queues, queues, tokens. Returns how many there were.
 */
export const abandon = `${shared}
local last = 2 + ARGV[2]
local tokens = {}
for at = last + 1, #ARGV do tokens[ARGV[at]] = true end
local count = 0
for at = 3, last do
  local queue = ARGV[at]
  local q = P .. queue .. ':'
  for _, jobId in ipairs(rcall('ZRANGE', q .. '~petiole:leases', 0, -1)) do
    local key = q .. jobId
    local job = rcall('HMGET', key, 'pt:tok', 'pt:lane', 'pt:sc', 'priority', 'pt')
    if job[1] and tokens[job[1]] and holds(q, jobId, job[1]) then
      count = count + 1
      rcall('ZREM', q .. '~petiole:leases', jobId)
      rcall('HDEL', key, 'pt:tok')
      rcall('DEL', key .. ':lock')
      rcall('LREM', q .. 'active', -1, jobId)
      if job[5] then
        local lane = job[2] or ''
        takeOut(q, jobId, lane)
        if lane ~= '' then rcall('ZREM', G .. 'lane:starts:' .. lane, job[1] .. ':' .. jobId) end
        leaveLane(queue, jobId, lane)
        makeReady(queue, q, jobId, lane, job[3] or scoreOf(job[4] or 0, nextNumber()))
        changed(jobId, 'again')
      else
        rcall('RPUSH', q .. 'wait', jobId)
        wake(queue, 0)
      end
    end
  end
end
tellWoken()
return count
`;
