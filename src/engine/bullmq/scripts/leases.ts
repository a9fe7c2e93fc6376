import { shared } from "./shared.ts";

/** ARGV: prefix, duration, then job id and token of each lease. Returns the positions of those that are lost. */
export const extend = `${shared}
local lost = {}
local duration = tonumber(ARGV[2])
for at = 3, #ARGV, 2 do
  local token = ARGV[at + 1]
  local _, q, jobId = where(ARGV[at])
  if q and holds(q, jobId, token) then
    keep(q, jobId, token, duration)
  else
    lost[#lost + 1] = (at - 3) / 2
  end
end
return lost
`;

/** ARGV: prefix, job id, token, progress as JSON or nothing, how many lines are kept, lines. Returns 1 when it was held. */
export const report = `${shared}
local _, q, jobId = where(ARGV[2])
if not q or not holds(q, jobId, ARGV[3]) then return 0 end
for at = 6, #ARGV do rcall('RPUSH', q .. jobId .. ':logs', ARGV[at]) end
if #ARGV >= 6 then rcall('LTRIM', q .. jobId .. ':logs', -ARGV[5], -1) end
if ARGV[4] ~= '' then
  rcall('HSET', q .. jobId, 'progress', ARGV[4])
  event(q, 'progress', 'jobId', jobId, 'data', ARGV[4])
  changed(jobId, 'progress')
end
return 1
`;
