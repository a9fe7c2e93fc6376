/**
 * Ending claims, and what people do with tasks.
 *
 * @module
 */
import type { Names } from "../names.ts";
import { byIndex, plannedOnce } from "./common.ts";

/** `settle`, `report`, `cancel`, `retry`, `discard`. */
export function settleFunctions(names: Names): string {
  return [again(names), settling(names), reporting(names), managing(names)].join("\n");
}

/** For how long pg-boss keeps the job, in seconds, at least. 0: for good. */
const kept = (keep: string): string => `CASE WHEN ${keep} IS NULL THEN 0
      ELSE least(greatest(1, ceil(extract(epoch FROM ${keep} - clock_timestamp()))), 2000000000)::int END`;

/** The job waits again, as its queue has it for pg-boss's workers. */
const restored =
  "expire_seconds = q.expire_seconds, heartbeat_seconds = q.heartbeat_seconds, heartbeat_on = NULL";

function again({ own, boss }: Names): string {
  return `
-- Gives tasks back. Returns the numbers of those whose lease was held; "is_over": it was cancelled, and has ended so.
CREATE FUNCTION ${own}.give_back(batch json, keep_ double precision)
RETURNS TABLE (n int, job uuid, queue text, lane text, is_over boolean, run_at timestamptz)
LANGUAGE sql VOLATILE ${byIndex} AS $$
  WITH input AS MATERIALIZED (
    SELECT *, greatest(${own}.time(at), clock_timestamp()) AS run_at FROM json_to_recordset(batch)
      AS x (n int, j uuid, a bigint, g text, at float8, r text, unused boolean)),
  held AS (DELETE FROM ${own}.lease l USING input i WHERE l.job = i.j AND l.token = i.a RETURNING l.*, i.*),
  timed AS MATERIALIZED (
    SELECT h.*, t.seq, CASE WHEN h.cancelled IS NOT NULL
      THEN greatest(clock_timestamp() + keep_ * interval '1 millisecond', t.unique_until) END AS remove_at
    FROM held h JOIN ${own}.task t ON t.job = h.job),
  done AS (
    UPDATE ${boss}.job j SET
      state = (CASE WHEN h.cancelled IS NOT NULL THEN 'cancelled' WHEN h.g = 'release' THEN 'created' ELSE 'retry' END)::${boss}.job_state,
      completed_on = CASE WHEN h.cancelled IS NOT NULL THEN clock_timestamp() END,
      start_after = CASE WHEN h.g = 'release' OR h.cancelled IS NOT NULL THEN j.start_after ELSE h.run_at END,
      created_on = CASE WHEN h.g = 'release' OR h.cancelled IS NOT NULL THEN j.created_on
                   ELSE h.run_at + (h.seq % 1000) * interval '1 microsecond' END,
      keep_until = greatest(j.keep_until, h.run_at + interval '1000 years'),
      output = CASE WHEN h.cancelled IS NOT NULL THEN ${own}.readable(h.cancelled) WHEN h.g = 'release' THEN j.output
               ELSE ${own}.readable(h.r) END,
      deletion_seconds = CASE WHEN h.cancelled IS NOT NULL THEN ${kept("h.remove_at")} ELSE q.deletion_seconds END,
      ${restored}
    FROM timed h JOIN ${boss}.queue q ON q.name = h.queue
    WHERE j.name = h.queue AND j.id = h.job AND j.state = 'active' AND j.retry_count = h.attempt
    RETURNING j.id, j.start_after, j.created_on),
  unused AS (
    UPDATE ${own}.start s SET count = s.count - h.n FROM (
      SELECT lane, started, count(*)::int AS n FROM timed WHERE unused AND lane <> '' GROUP BY 1, 2) h
    WHERE s.lane = h.lane AND s.at = h.started)
  UPDATE ${own}.task t SET
    attempts = t.attempts + (h.g = 'retryAt')::int,
    deferrals = CASE h.g WHEN 'retryAt' THEN 0 WHEN 'defer' THEN t.deferrals + (h.cancelled IS NULL)::int ELSE t.deferrals END,
    deferred_at = CASE h.g WHEN 'retryAt' THEN NULL WHEN 'defer' THEN coalesce(t.deferred_at, clock_timestamp()) ELSE t.deferred_at END,
    reason = CASE WHEN h.cancelled IS NOT NULL THEN h.cancelled WHEN h.g = 'release' THEN t.reason ELSE h.r END,
    ended = CASE WHEN h.cancelled IS NOT NULL THEN 'cancelled' END, remove_at = h.remove_at, worker = h.worker,
    queued = h.lane <> '' AND h.cancelled IS NULL, place = CASE WHEN h.lane <> '' THEN done.created_on ELSE t.place END
  FROM timed h JOIN done ON done.id = h.job WHERE t.job = h.job
  RETURNING h.n, h.job, h.queue, h.lane, h.cancelled IS NOT NULL, done.start_after $$;
`;
}

function settling({ own, boss }: Names): string {
  return `
-- Settles as the batches say (settlements.ts): of those that end, and of those that wait again; null for none. Returns the
-- numbers of those whose lease was held.
CREATE FUNCTION ${own}.settle(ends text, others text, retention double precision, soon double precision, who text)
RETURNS text ${plannedOnce} AS $f$
DECLARE
  held int[] := '{}';
  ended uuid[] := '{}';
  changed uuid[] := '{}';
  ready text[] := '{}';
  freed boolean := false;
  numbers int[];
  jobs uuid[];
  queues text[];
  more uuid[];
  is_laned boolean;
BEGIN
  IF ends IS NOT NULL THEN
    WITH input AS MATERIALIZED (
      SELECT * FROM json_to_recordset(ends::json)
        AS x (n int, j uuid, a bigint, e text, c int, o jsonb, f text, r text, keep float8, needs text)),
    held AS (
      DELETE FROM ${own}.lease l USING input i WHERE l.job = i.j AND l.token = i.a
      RETURNING i.*, l.queue, l.lane, l.attempt, l.worker, clock_timestamp() + i.keep * interval '1 millisecond' AS remove_at),
    done AS (
      UPDATE ${boss}.job j SET state = ${own}.job_state(h.e), completed_on = clock_timestamp(),
        output = CASE WHEN h.r IS NULL THEN h.o ELSE ${own}.readable(h.r) END, deletion_seconds = ${kept("h.remove_at")},
        heartbeat_on = NULL
      FROM held h WHERE j.name = h.queue AND j.id = h.j AND j.state = 'active' AND j.retry_count = h.attempt
      RETURNING h.*),
    written AS (
      UPDATE ${own}.task t SET ended = d.e, attempts = t.attempts + d.c, reason = d.r, result_form = d.f, worker = d.worker,
        needs = d.needs, remove_at = CASE WHEN d.keep IS NOT NULL THEN greatest(d.remove_at, t.unique_until) END
      FROM done d WHERE t.job = d.j
      RETURNING d.n, d.j, d.queue, d.lane, d.needs, d.remove_at < t.unique_until AS is_longer)
    SELECT array_agg(w.n), array_agg(w.j), array_agg(DISTINCT w.queue) FILTER (WHERE w.needs IS NOT NULL),
      bool_or(w.lane <> ''), array_agg(w.j) FILTER (WHERE w.is_longer)
    INTO numbers, jobs, queues, is_laned, more FROM written w;
    -- Those that hold a key for longer than they are kept.
    IF more IS NOT NULL THEN
      UPDATE ${boss}.job j SET deletion_seconds = ${kept("t.remove_at")} FROM ${own}.task t
      WHERE t.job = ANY (more) AND j.name = t.queue AND j.id = t.job;
    END IF;
    held := held || numbers;
    ended := ended || jobs;
    ready := ready || queues;
    freed := coalesce(is_laned, false);
  END IF;
  IF others IS NOT NULL THEN
    SELECT array_agg(x.n), array_agg(x.job) FILTER (WHERE x.is_over), array_agg(x.job) FILTER (WHERE NOT x.is_over),
      array_agg(DISTINCT x.queue) FILTER (WHERE NOT x.is_over AND ${own}.ms(x.run_at) <= ${own}.ms(clock_timestamp()) + soon),
      bool_or(x.lane <> '')
      INTO numbers, jobs, more, queues, is_laned FROM ${own}.give_back(others::json, retention) x;
    held := held || numbers;
    ended := ended || jobs;
    changed := changed || more;
    ready := ready || queues;
    freed := freed OR coalesce(is_laned, false);
  END IF;
  PERFORM ${own}.tell_tasks('e', who, ended);
  PERFORM ${own}.tell_tasks('c', who, changed);
  PERFORM ${own}.tell_ready(who, ready);
  IF freed THEN PERFORM ${own}.tell('r', who, ''); END IF;
  RETURN json_build_object('held', held, 'ended', ended, 'changed', changed, 'ready', ready, 'freed', freed)::text;
END $f$;
`;
}

function reporting({ own }: Names): string {
  return `
-- Keeps what runs tell. Returns the numbers of those whose lease was held.
CREATE FUNCTION ${own}.report(batch text, lines_kept bigint, who text) RETURNS text LANGUAGE plpgsql AS $f$
#variable_conflict use_column
DECLARE
  item record;
  last bigint;
  held int[] := '{}';
  told uuid[] := '{}';
BEGIN
  FOR item IN SELECT * FROM json_to_recordset(batch::json) AS x (n int, j uuid, a bigint, p text, lines json) LOOP
    PERFORM FROM ${own}.lease l WHERE l.job = item.j AND l.token = item.a FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    held := held || item.n;
    IF item.p IS NOT NULL THEN
      UPDATE ${own}.task SET progress = item.p WHERE job = item.j;
      told := told || item.j;
    END IF;
    IF item.lines IS NOT NULL THEN
      SELECT coalesce(max(number), 0) INTO last FROM ${own}.log WHERE job = item.j;
      INSERT INTO ${own}.log (job, number, at, text)
      SELECT item.j, last + x.n, (x.value->>0)::float8, x.value->>1
      FROM json_array_elements(item.lines) WITH ORDINALITY AS x (value, n);
      DELETE FROM ${own}.log WHERE job = item.j AND number <= last + json_array_length(item.lines) - lines_kept;
    END IF;
  END LOOP;
  PERFORM ${own}.tell_tasks('c', who, told);
  RETURN array_to_json(held)::text;
END $f$;
`;
}

function managing({ own, boss }: Names): string {
  const end = (state: string): string => `
      UPDATE ${boss}.job j SET state = 'cancelled', completed_on = clock_timestamp(), output = ${own}.readable(reason_),
        deletion_seconds = ${kept("removal")}
      WHERE j.name = item.queue AND j.id = item.job;
      UPDATE ${own}.task SET ended = '${state}', reason = reason_, needs = NULL, queued = false, remove_at = removal
      WHERE job = item.job;
      ended := ended || item.job;`;
  const each = `FOR item IN SELECT t.job, t.queue, t.lane, t.needs, t.unique_until FROM ${own}.task t
    WHERE t.job = ANY (jobs) ORDER BY t.job
  LOOP
    SELECT j.state, j.retry_count INTO state_, attempt_ FROM ${boss}.job j
      WHERE j.name = item.queue AND j.id = item.job FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    removal := greatest(clock_timestamp() + retention * interval '1 millisecond', item.unique_until);`;
  const head = `LANGUAGE plpgsql AS $f$
#variable_conflict use_column
DECLARE
  item record;
  state_ ${boss}.job_state;
  attempt_ int;
  removal timestamptz;
  ended uuid[] := '{}';
  marked text[] := '{}';
  queues text[] := '{}';
  worker_ text;
BEGIN`;
  const tell = `PERFORM ${own}.tell_tasks('e', who, ended);`;
  return `
CREATE FUNCTION ${own}.cancel(jobs uuid[], reason_ text, retention double precision, who text) RETURNS text ${head}
  ${each}
    IF state_ < 'active' OR (state_ = 'failed' AND item.needs IS NOT NULL) THEN${end("cancelled")}
    ELSIF state_ = 'active' THEN
      IF EXISTS (SELECT FROM ${own}.lease l WHERE l.job = item.job AND l.attempt = attempt_) THEN
        UPDATE ${own}.lease SET cancelled = reason_ WHERE job = item.job AND cancelled IS NULL RETURNING worker INTO worker_;
        IF FOUND THEN
          marked := marked || worker_;
          PERFORM ${own}.tell('x', who, worker_);
        END IF;
      ELSE -- one of pg-boss's own workers has it: as its cancel() does it${end("cancelled")}
      END IF;
    END IF;
  END LOOP;
  ${tell}
  RETURN json_build_object('ended', ended, 'marked', marked)::text;
END $f$;

CREATE FUNCTION ${own}.discard(jobs uuid[], reason_ text, retention double precision, who text) RETURNS text ${head}
  ${each}
    IF state_ < 'active' OR state_ = 'failed' THEN${end("discarded")}
    END IF;
  END LOOP;
  ${tell}
  RETURN json_build_object('ended', ended)::text;
END $f$;

CREATE FUNCTION ${own}.retry(jobs uuid[], retention double precision, who text) RETURNS text ${head}
  ${each}
    IF state_ IN ('failed', 'cancelled') THEN
      removal := clock_timestamp();
      UPDATE ${boss}.job j SET state = 'created', completed_on = NULL, output = NULL, start_after = removal,
        created_on = removal, keep_until = removal + interval '1000 years', deletion_seconds = q.deletion_seconds,
        singleton_on = NULL, blocked = item.lane <> '', policy = 'standard', ${restored}
      FROM ${boss}.queue q WHERE q.name = j.name AND j.name = item.queue AND j.id = item.job;
      UPDATE ${own}.task SET ended = NULL, reason = NULL, needs = NULL, attempts = 0, crashes = 0, deferrals = 0,
        deferred_at = NULL, remove_at = NULL, result_form = NULL, queued = item.lane <> '', place = removal
      WHERE job = item.job;
      DELETE FROM ${own}.lease WHERE job = item.job;
      ended := ended || item.job;
      queues := queues || item.queue;
    END IF;
  END LOOP;
  PERFORM ${own}.tell_tasks('c', who, ended);
  PERFORM ${own}.tell_ready(who, ARRAY(SELECT DISTINCT x FROM unnest(queues) x));
  RETURN json_build_object('changed', ended, 'ready', queues)::text;
END $f$;
`;
}
