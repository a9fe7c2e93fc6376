/**
 * Ending claims, and what people do with tasks.
 *
 * @module
 */
import type { Names } from "../names.ts";
import { fewAs, plannedOnce } from "./common.ts";

/** `settle`, `report`, `cancel`, `retry`, `discard`. */
export function settleFunctions(names: Names): string {
  return [settling(names), reporting(names), managing(names)].join("\n");
}

/** For how long pg-boss keeps the job, in seconds, at least. 0: for good. */
const kept = (keep: string): string => `CASE WHEN ${keep} IS NULL THEN 0
      ELSE least(greatest(1, ceil(extract(epoch FROM ${keep} - clock_timestamp()))), 2000000000)::int END`;

/** The job waits again, as its queue has it for pg-boss's workers. */
const restored =
  "expire_seconds = q.expire_seconds, heartbeat_seconds = q.heartbeat_seconds, heartbeat_on = NULL";

/** Settlements with the leases that they are of, as a statement takes them. */
function held({ own }: Names, batch: string, columns: string): string {
  return `held AS MATERIALIZED (
      SELECT i.*, l.part, l.queue, l.lane, l.started, l.worker, l.attempts[array_position(l.jobs, i.j)] AS attempt
      -- ${fewAs("nothing")}
      FROM json_to_recordset(${batch}::json) AS i (n int, j uuid, a bigint, ${columns}, nothing text)
      JOIN ${own}.lease l ON l.token = i.a AND i.j = ANY (l.jobs)
      WHERE i.nothing IS NULL)`;
}

/** Takes what is "held" out of the leases. */
function letGo({ own }: Names): string {
  return `gone AS (SELECT h.a, h.part, array_agg(h.j) AS jobs FROM held h GROUP BY h.a, h.part),
    all_gone AS (
      DELETE FROM ${own}.lease l USING gone g WHERE l.token = g.a AND l.part = g.part AND cardinality(l.jobs) = cardinality(g.jobs)),
    some_gone AS (
      UPDATE ${own}.lease l SET
        jobs = ARRAY(SELECT u.job FROM unnest(l.jobs) u (job) WHERE u.job <> ALL (g.jobs)),
        attempts = ARRAY(SELECT u.attempt FROM unnest(l.jobs, l.attempts) u (job, attempt) WHERE u.job <> ALL (g.jobs))
      FROM gone g WHERE l.token = g.a AND l.part = g.part AND cardinality(l.jobs) > cardinality(g.jobs))`;
}

function settling(names: Names): string {
  const { own, boss } = names;
  const isHeld = "j.name = h.queue AND j.id = h.j AND j.state = 'active' AND j.retry_count = h.attempt";
  return `
-- Settles as the batches say (settlements.ts): of those that end, and of those that wait again; null for none. Returns the
-- numbers of those whose lease was held.
CREATE FUNCTION ${own}.settle(tokens bigint[], ends text, others text, retention double precision, soon double precision,
  who text) RETURNS text ${plannedOnce} AS $f$
DECLARE
  now_ timestamptz;
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
  -- In one order, or two wait for each other. First the leases, then the jobs, then the tasks.
  PERFORM FROM ${own}.lease l WHERE l.token = ANY (tokens) ORDER BY l.token, l.part FOR UPDATE;
  now_ := clock_timestamp();
  IF ends LIKE '%"needs":%' THEN
    -- What is parked for others has another run before it: as below.
    PERFORM count(*) FROM (WITH ${held(names, "ends", "needs text")}
      SELECT FROM held h JOIN ${boss}.job j ON ${isHeld} WHERE h.needs IS NOT NULL FOR UPDATE OF j) x;
    SELECT json_agg(CASE WHEN t.cancelled IS NULL THEN i.item ELSE json_build_object('j', i.item->'j', 'a', i.item->'a',
      'n', i.item->'n', 'e', 'cancelled', 'c', 0, 'r', t.cancelled, 'keep', retention) END)::text
    INTO ends FROM json_array_elements(ends::json) i (item)
    LEFT JOIN ${own}.task t ON i.item->>'needs' IS NOT NULL AND t.job = (i.item->>'j')::uuid;
  END IF;
  IF ends IS NOT NULL THEN
    WITH ${held(names, "ends", "e text, c int, o jsonb, f text, r text, keep float8, needs text")},
    done AS (
      UPDATE ${boss}.job j SET state = ${own}.job_state(h.e), completed_on = now_,
        output = CASE WHEN h.r IS NULL THEN h.o ELSE ${own}.readable(h.r) END, deletion_seconds = ${kept("now_ + h.keep * interval '1 millisecond'")},
        heartbeat_on = NULL
      FROM held h WHERE ${isHeld}
      RETURNING h.*),
    written AS (
      UPDATE ${own}.task t SET ended = d.e, attempts = t.attempts + d.c, reason = d.r, result_form = d.f, worker = d.worker,
        needs = d.needs, cancelled = NULL, remove_at = CASE WHEN d.keep IS NOT NULL
          THEN greatest(now_ + d.keep * interval '1 millisecond', t.unique_until) END
      FROM done d WHERE t.job = d.j
      RETURNING d.n, d.j, d.queue, d.lane, d.needs, t.remove_at, t.remove_at = t.unique_until AS is_longer),
    ${letGo(names)},
    removed AS (
      INSERT INTO ${own}.removal (at, jobs) SELECT w.remove_at, array_agg(w.j) FROM written w WHERE w.remove_at IS NOT NULL
      GROUP BY w.remove_at)
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
    -- From here on nobody cancels them.
    PERFORM count(*) FROM (WITH ${held(names, "others", "g text")}
      SELECT FROM held h JOIN ${boss}.job j ON ${isHeld} FOR UPDATE OF j) x;
    WITH ${held(names, "others", "g text, at float8, r text, unused boolean")},
    timed AS MATERIALIZED (
      SELECT h.*, t.seq, t.cancelled, greatest(${own}.time(h.at), now_) AS run_at, CASE WHEN t.cancelled IS NOT NULL
        THEN greatest(now_ + retention * interval '1 millisecond', t.unique_until) END AS remove_at
      FROM held h JOIN ${own}.task t ON t.job = h.j),
    done AS (
      UPDATE ${boss}.job j SET
        state = (CASE WHEN h.cancelled IS NOT NULL THEN 'cancelled' WHEN h.g = 'release' THEN 'created' ELSE 'retry' END)::${boss}.job_state,
        completed_on = CASE WHEN h.cancelled IS NOT NULL THEN now_ END,
        start_after = CASE WHEN h.g = 'release' OR h.cancelled IS NOT NULL THEN j.start_after ELSE h.run_at END,
        created_on = CASE WHEN h.g = 'release' OR h.cancelled IS NOT NULL THEN j.created_on
                     ELSE h.run_at + (h.seq % 1000) * interval '1 microsecond' END,
        keep_until = greatest(j.keep_until, h.run_at + interval '1000 years'),
        output = CASE WHEN h.cancelled IS NOT NULL THEN ${own}.readable(h.cancelled) WHEN h.g = 'release' THEN j.output
                 ELSE ${own}.readable(h.r) END,
        deletion_seconds = CASE WHEN h.cancelled IS NOT NULL THEN ${kept("h.remove_at")} ELSE q.deletion_seconds END,
        ${restored}
      FROM timed h JOIN ${boss}.queue q ON q.name = h.queue
      WHERE ${isHeld}
      RETURNING h.*, j.start_after, j.created_on),
    ${letGo(names)},
    unused AS (
      UPDATE ${own}.start s SET count = s.count - h.n FROM (
        SELECT lane, started, count(*)::int AS n FROM timed WHERE unused AND lane <> '' GROUP BY 1, 2) h
      WHERE s.lane = h.lane AND s.at = h.started),
    written AS (
      UPDATE ${own}.task t SET
        attempts = t.attempts + (h.g = 'retryAt')::int,
        deferrals = CASE h.g WHEN 'retryAt' THEN 0 WHEN 'defer' THEN t.deferrals + (h.cancelled IS NULL)::int ELSE t.deferrals END,
        deferred_at = CASE h.g WHEN 'retryAt' THEN NULL WHEN 'defer' THEN coalesce(t.deferred_at, now_) ELSE t.deferred_at END,
        reason = CASE WHEN h.cancelled IS NOT NULL THEN h.cancelled WHEN h.g = 'release' THEN t.reason ELSE h.r END,
        ended = CASE WHEN h.cancelled IS NOT NULL THEN 'cancelled' END, remove_at = h.remove_at, worker = h.worker,
        queued = h.lane <> '' AND h.cancelled IS NULL, place = CASE WHEN h.lane <> '' THEN h.created_on ELSE t.place END,
        cancelled = NULL
      FROM done h WHERE t.job = h.j
      RETURNING h.n, h.j, h.queue, h.lane, h.remove_at, h.cancelled IS NOT NULL AS is_over, h.start_after),
    removed AS (
      INSERT INTO ${own}.removal (at, jobs) SELECT w.remove_at, array_agg(w.j) FROM written w WHERE w.remove_at IS NOT NULL
      GROUP BY w.remove_at)
    -- "is_over": it was cancelled, and has ended so.
    SELECT array_agg(x.n), array_agg(x.j) FILTER (WHERE x.is_over), array_agg(x.j) FILTER (WHERE NOT x.is_over),
      array_agg(DISTINCT x.queue) FILTER (WHERE NOT x.is_over AND ${own}.ms(x.start_after) <= ${own}.ms(clock_timestamp()) + soon),
      bool_or(x.lane <> '')
    INTO numbers, jobs, more, queues, is_laned FROM written x;
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
  -- In one order, or two wait for each other.
  PERFORM FROM ${own}.lease l WHERE l.token IN (SELECT x.a FROM json_to_recordset(batch::json) AS x (a bigint))
    ORDER BY l.token, l.part FOR UPDATE;
  FOR item IN SELECT * FROM json_to_recordset(batch::json) AS x (n int, j uuid, a bigint, p text, lines json) LOOP
    CONTINUE WHEN NOT EXISTS (SELECT FROM ${own}.lease l WHERE l.token = item.a AND item.j = ANY (l.jobs));
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
        deletion_seconds = ${kept("removal_")}
      WHERE j.name = item.queue AND j.id = item.job;
      UPDATE ${own}.task SET ended = '${state}', reason = reason_, needs = NULL, queued = false, cancelled = NULL,
        remove_at = removal_
      WHERE job = item.job;
      INSERT INTO ${own}.removal (at, jobs) VALUES (removal_, ARRAY[item.job]);
      ended := ended || item.job;`;
  const each = `FOR item IN SELECT t.job, t.queue, t.lane, t.needs, t.unique_until FROM ${own}.task t
    WHERE t.job = ANY (jobs) ORDER BY t.job
  LOOP
    SELECT j.state, j.retry_count, j.started_on INTO state_, attempt_, started_ FROM ${boss}.job j
      WHERE j.name = item.queue AND j.id = item.job FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    removal_ := greatest(clock_timestamp() + retention * interval '1 millisecond', item.unique_until);`;
  const head = `LANGUAGE plpgsql AS $f$
#variable_conflict use_column
DECLARE
  item record;
  state_ ${boss}.job_state;
  attempt_ int;
  started_ timestamptz;
  removal_ timestamptz;
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
      SELECT l.worker INTO worker_ FROM ${own}.lease l WHERE l.started = started_ AND item.job = ANY (l.jobs)
        AND l.attempts[array_position(l.jobs, item.job)] = attempt_;
      IF FOUND THEN
        UPDATE ${own}.task SET cancelled = reason_ WHERE job = item.job AND cancelled IS NULL;
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
      removal_ := clock_timestamp();
      UPDATE ${boss}.job j SET state = 'created', completed_on = NULL, output = NULL, start_after = removal_,
        created_on = removal_, keep_until = removal_ + interval '1000 years', deletion_seconds = q.deletion_seconds,
        singleton_on = NULL, blocked = item.lane <> '', policy = 'standard', ${restored}
      FROM ${boss}.queue q WHERE q.name = j.name AND j.name = item.queue AND j.id = item.job;
      UPDATE ${own}.task SET ended = NULL, reason = NULL, needs = NULL, attempts = 0, crashes = 0, deferrals = 0,
        deferred_at = NULL, remove_at = NULL, result_form = NULL, queued = item.lane <> '', place = removal_,
        cancelled = NULL
      WHERE job = item.job;
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
