/**
 * The scripts that the engine runs in Redis.
 *
 * @module
 */
import { script } from "./connection.ts";
import { abandon } from "./scripts/abandon.ts";
import { claim } from "./scripts/claim.ts";
import { extend, report } from "./scripts/leases.ts";
import { cancel, discard, pause, resume, retry } from "./scripts/manage.ts";
import {
  circumstances,
  counts,
  find,
  glance,
  list,
  logs,
  marked,
  paused,
  peek,
  sweep,
  version,
} from "./scripts/read.ts";
import { send } from "./scripts/send.ts";
import { settle } from "./scripts/settle.ts";

const again = { repeatable: true };

/** Each with whether it may be run twice: a claim may not, nor what counts. */
export const scripts = {
  send: script(send, again),
  claim: script(claim),
  settle: script(settle, again),
  abandon: script(abandon, again),
  extend: script(extend, again),
  report: script(report),
  find: script(find, again),
  glance: script(glance, again),
  logs: script(logs, again),
  list: script(list, again),
  counts: script(counts, again),
  paused: script(paused, again),
  marked: script(marked, again),
  peek: script(peek, again),
  version: script(version, again),
  circumstances: script(circumstances, again),
  sweep: script(sweep, again),
  cancel: script(cancel),
  discard: script(discard),
  retry: script(retry),
  pause: script(pause, again),
  resume: script(resume, again),
} as const;
