/**
 * Claiming tasks, and keeping the leases.
 *
 * @module
 */
import type { Names } from "../names.ts";
import { byIndex } from "./common.ts";

/** Longer than any lease, in seconds: pg-boss never takes one of our runs for dead. Its workers get their queue's. */
const neverExpires = 2_147_483_647;

/** `claim`, `extend`, with what they use. */
export function claimFunctions(names: Names): string {
  return [choosing(names), rooms(names), taking(names), claiming(names), extending(names)].join("\n");
}

/** Which jobs of a queue are the next. Each locks what it returns, and passes over what others have locked. */
function choosing({ own, boss }: Names): string {
  const isReady = `j.name = queue_ AND j.state < 'active' AND j.start_after <= now_`;
  return `
-- Jobs in no lane. Those of others only where "adopt", and not of queues that have a policy.
CREATE FUNCTION ${own}.next_jobs(queue_ text, adopt boolean, most int, now_ timestamptz) RETURNS uuid[]
LANGUAGE sql VOLATILE ${byIndex} AS $$
  SELECT array_agg(id) FROM (
    SELECT j.id FROM ${boss}.job j LEFT JOIN ${own}.task t ON t.job = j.id
    WHERE ${isReady} AND NOT j.blocked AND (t.job IS NOT NULL OR (adopt AND coalesce(j.policy, 'standard') = 'standard'))
    ORDER BY j.priority DESC, j.created_on LIMIT most
    FOR UPDATE OF j SKIP LOCKED) x $$;

-- The same, from all lanes that have room, in their common order. "open" are lanes, and "room" how many of each.
CREATE FUNCTION ${own}.next_of_lanes(queue_ text, adopt boolean, most int, now_ timestamptz, open text[], room int[])
RETURNS uuid[] LANGUAGE sql VOLATILE ${byIndex} AS $$
  WITH first AS MATERIALIZED (
    SELECT * FROM (
      (SELECT j.id, j.priority, j.created_on AS place, t.seq FROM ${boss}.job j LEFT JOIN ${own}.task t ON t.job = j.id
       WHERE ${isReady} AND NOT j.blocked AND (t.job IS NOT NULL OR (adopt AND coalesce(j.policy, 'standard') = 'standard'))
       ORDER BY j.priority DESC, j.created_on LIMIT most)
      UNION ALL
      SELECT c.* FROM unnest(open, room) AS o (lane, room) CROSS JOIN LATERAL (
        SELECT t.job, t.priority, t.place, t.seq FROM ${own}.task t JOIN ${boss}.job j ON j.id = t.job
        WHERE ${isReady} AND t.queue = queue_ AND t.lane = o.lane AND t.lane <> '' AND t.queued
          AND t.place <= now_ + interval '1 second'
        ORDER BY t.priority DESC, t.place, t.seq LIMIT least(most, o.room)) c) x
    ORDER BY priority DESC, place, seq LIMIT most)
  SELECT array_agg(id) FROM (
    SELECT j.id FROM ${boss}.job j WHERE ${isReady} AND j.id = ANY (ARRAY(SELECT id FROM first))
    ORDER BY array_position(ARRAY(SELECT id FROM first), j.id) FOR UPDATE SKIP LOCKED) x $$;

-- The lanes in which tasks of a queue wait.
CREATE FUNCTION ${own}.lanes_of(queue_ text) RETURNS text[] LANGUAGE sql STABLE ${byIndex} AS $$
  WITH RECURSIVE found (lane) AS (
    SELECT (SELECT min(lane) FROM ${own}.task WHERE queue = queue_ AND lane <> '' AND queued)
    UNION ALL
    SELECT (SELECT min(lane) FROM ${own}.task WHERE queue = queue_ AND lane <> '' AND queued AND lane > found.lane)
    FROM found WHERE found.lane IS NOT NULL)
  SELECT array_agg(lane) FROM found WHERE lane IS NOT NULL $$;

-- What the parked tasks of a queue need, each set once.
CREATE FUNCTION ${own}.needs_of(queue_ text) RETURNS text[] LANGUAGE sql STABLE ${byIndex} AS $$
  WITH RECURSIVE found (hash) AS (
    SELECT (SELECT min(md5(needs)) FROM ${own}.task WHERE queue = queue_ AND needs IS NOT NULL)
    UNION ALL
    SELECT (SELECT min(md5(needs)) FROM ${own}.task WHERE queue = queue_ AND needs IS NOT NULL AND md5(needs) > found.hash)
    FROM found WHERE found.hash IS NOT NULL)
  SELECT array_agg((SELECT needs FROM ${own}.task t WHERE t.queue = queue_ AND t.needs IS NOT NULL
    AND md5(t.needs) = found.hash LIMIT 1)) FROM found WHERE hash IS NOT NULL $$;
`;
}

/** How much more may run of a lane. */
function rooms({ own }: Names): string {
  return `
-- "limit_" is { c: concurrency, n: starts, per: milliseconds }. What lost its lease does not run.
CREATE FUNCTION ${own}.room(lane_ text, limit_ jsonb, now_ timestamptz) RETURNS int LANGUAGE sql STABLE ${byIndex} AS $$
  SELECT greatest(0, least(
    (limit_->>'c')::float8 - (SELECT count(*) FROM ${own}.lease WHERE lane = lane_ AND lane <> '' AND until > now_),
    (limit_->>'n')::float8 - (SELECT coalesce(sum(count), 0) FROM ${own}.start s
      WHERE s.lane = lane_ AND s.at > now_ - (limit_->>'per')::float8 * interval '1 millisecond'),
    1000000))::int $$;

-- When a full lane may have room by itself: a lease runs out, or a start counts no more.
CREATE FUNCTION ${own}.room_at(lane_ text, limit_ jsonb, now_ timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE ${byIndex} AS $$
  SELECT least(
    (SELECT min(until) FROM ${own}.lease WHERE limit_->>'c' IS NOT NULL AND lane = lane_ AND lane <> '' AND until > now_),
    (SELECT min(s.at) + (limit_->>'per')::float8 * interval '1 millisecond' FROM ${own}.start s
      WHERE s.lane = lane_ AND s.count > 0 AND s.at > now_ - (limit_->>'per')::float8 * interval '1 millisecond')) $$;
`;
}

/** Leasing jobs that are locked. */
function taking({ own, boss }: Names): string {
  return `
CREATE FUNCTION ${own}.take(queue_ text, jobs uuid[], lost boolean, token_ bigint, worker_ text, now_ timestamptz,
  until_ timestamptz) RETURNS void LANGUAGE plpgsql ${byIndex} AS $f$
BEGIN
  WITH taken AS (
    UPDATE ${boss}.job j SET state = 'active', started_on = now_, heartbeat_on = now_, retry_count = j.retry_count + 1,
      expire_seconds = ${neverExpires}, heartbeat_seconds = NULL, completed_on = NULL
    WHERE j.name = queue_ AND j.id = ANY (jobs)
    RETURNING j.id, j.retry_count, j.priority, j.created_on)
  , adopted AS (
    -- Of others: from now on as if we had sent it.
    INSERT INTO ${own}.task (job, queue, task, headers, priority, place, sent_at)
    SELECT t.id, queue_, queue_, '{"wire":0}', t.priority, t.created_on, t.created_on FROM taken t
    WHERE NOT lost AND NOT EXISTS (SELECT FROM ${own}.task o WHERE o.job = t.id))
  INSERT INTO ${own}.lease (job, queue, lane, token, attempt, until, started, worker)
  SELECT t.id, queue_, coalesce(o.lane, ''), token_, t.retry_count, until_, now_, worker_
  FROM taken t LEFT JOIN ${own}.task o ON o.job = t.id
  ON CONFLICT (job) DO UPDATE SET token = excluded.token, attempt = excluded.attempt, until = excluded.until,
    started = excluded.started, worker = excluded.worker,
    -- Of a lease that others have ended, the mark does not hold for this run.
    cancelled = CASE WHEN lost THEN lease.cancelled END;
  UPDATE ${own}.task SET crashes = crashes + lost::int, progress = NULL, needs = NULL, queued = false, ended = NULL,
    remove_at = NULL
  WHERE job = ANY (jobs) AND (lost OR queued OR progress IS NOT NULL OR needs IS NOT NULL OR ended IS NOT NULL
    OR remove_at IS NOT NULL);
END $f$;
`;
}

function claiming({ own, boss }: Names): string {
  return `
-- Claims as the request says (claims.ts). Where there are parked tasks that need what it does not tell whether it
-- knows, it claims nothing, and asks.
CREATE FUNCTION ${own}.claim(request text) RETURNS text LANGUAGE plpgsql SET jit = off AS $f$
#variable_conflict use_variable
DECLARE
  r jsonb := request::jsonb;
  queues text[] := ARRAY(SELECT x FROM jsonb_array_elements_text(r->'queues') x);
  known text[] := ARRAY(SELECT x FROM jsonb_array_elements_text(r->'known') x);
  asked text[] := ARRAY(SELECT x FROM jsonb_array_elements_text(r->'asked') x);
  limits jsonb := r->'limits';
  rooms jsonb := '{}';
  remaining int := (r->>'limit')::int;
  worker_ text := r->>'worker';
  now_ timestamptz;
  until_ timestamptz;
  token_ bigint;
  queue_ text;
  adopt boolean;
  lanes text[];
  open text[];
  jobs uuid[];
  taken uuid[] := '{}';
  lane_ text;
  item record;
  found_ int;
  rounds int;
BEGIN
  queues := ARRAY(SELECT q FROM unnest(queues) WITH ORDINALITY u (q, n)
    WHERE NOT EXISTS (SELECT FROM ${own}.paused p WHERE p.queue = q) ORDER BY n);
  IF (r->>'knows')::boolean THEN
    lanes := ARRAY(SELECT DISTINCT x FROM unnest(queues) q, unnest(${own}.needs_of(q)) x WHERE x <> ALL (asked));
    IF cardinality(lanes) > 0 THEN RETURN json_build_object('ask', lanes)::text; END IF;
  END IF;
  IF limits <> '{}' THEN
    now_ := clock_timestamp();
    -- One claim at a time counts what runs of a lane. In one order, or two wait for each other.
    FOR lane_ IN SELECT DISTINCT x FROM (
        SELECT unnest(${own}.lanes_of(q)) AS x FROM unnest(queues) q
        UNION ALL SELECT l.lane FROM ${own}.lease l WHERE l.queue = ANY (queues) AND l.until <= now_ AND l.lane <> ''
        UNION ALL SELECT t.lane FROM ${own}.task t
          WHERE cardinality(known) > 0 AND t.queue = ANY (queues) AND t.needs = ANY (known) AND t.lane <> '') y
      WHERE limits ? x ORDER BY 1
    LOOP
      PERFORM pg_advisory_xact_lock(hashtextextended('petiole.lane' || lane_, 1));
      rooms := rooms || jsonb_build_object(lane_, ${own}.room(lane_, limits->lane_, clock_timestamp()));
    END LOOP;
  END IF;
  now_ := clock_timestamp();
  until_ := now_ + (r->>'lease')::float8 * interval '1 millisecond';
  token_ := nextval('${own}.token');

  FOREACH queue_ IN ARRAY queues LOOP
    EXIT WHEN remaining <= 0;
    -- Lost: the lease has run out.
    FOR item IN SELECT l.job, l.lane, l.attempt FROM ${own}.lease l WHERE l.queue = queue_ AND l.until <= now_
      ORDER BY l.until FOR UPDATE SKIP LOCKED
    LOOP
      EXIT WHEN remaining <= 0;
      PERFORM FROM ${boss}.job j WHERE j.name = queue_ AND j.id = item.job AND j.state = 'active'
        AND j.retry_count = item.attempt FOR UPDATE;
      IF NOT FOUND THEN
        DELETE FROM ${own}.lease l WHERE l.job = item.job; -- others have ended it
      ELSIF coalesce((rooms->>item.lane)::int, 1) > 0 THEN
        PERFORM ${own}.take(queue_, ARRAY[item.job], true, token_, worker_, now_, until_);
        taken := taken || item.job;
        remaining := remaining - 1;
        IF rooms ? item.lane THEN
          rooms := jsonb_set(rooms, ARRAY[item.lane], to_jsonb((rooms->>item.lane)::int - 1));
        END IF;
      END IF;
    END LOOP;
    -- Parked for whoever knows.
    IF cardinality(known) > 0 AND remaining > 0 THEN
      FOR item IN SELECT t.job, t.lane FROM ${own}.task t WHERE t.queue = queue_ AND t.needs IS NOT NULL
        AND t.needs = ANY (known) ORDER BY t.seq
      LOOP
        EXIT WHEN remaining <= 0;
        CONTINUE WHEN coalesce((rooms->>item.lane)::int, 1) <= 0;
        PERFORM FROM ${boss}.job j WHERE j.name = queue_ AND j.id = item.job AND j.state = 'failed'
          FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        PERFORM ${own}.take(queue_, ARRAY[item.job], false, token_, worker_, now_, until_);
        taken := taken || item.job;
        remaining := remaining - 1;
        IF rooms ? item.lane THEN
          rooms := jsonb_set(rooms, ARRAY[item.lane], to_jsonb((rooms->>item.lane)::int - 1));
        END IF;
      END LOOP;
    END IF;
    CONTINUE WHEN remaining <= 0;
    -- Waiting.
    adopt := (r->'adopts') ? queue_;
    lanes := ${own}.lanes_of(queue_);
    IF lanes IS NULL THEN
      jobs := ${own}.next_jobs(queue_, adopt, remaining, now_);
      IF jobs IS NOT NULL THEN
        PERFORM ${own}.take(queue_, jobs, false, token_, worker_, now_, until_);
        taken := taken || jobs;
        remaining := remaining - cardinality(jobs);
      END IF;
    ELSE
      rounds := 0;
      LOOP
        open := ARRAY(SELECT x FROM unnest(lanes) x WHERE coalesce((rooms->>x)::int, 1) > 0);
        jobs := ${own}.next_of_lanes(queue_, adopt, remaining, now_, open,
          ARRAY(SELECT coalesce((rooms->>x)::int, 1000000) FROM unnest(open) x));
        EXIT WHEN jobs IS NULL;
        PERFORM ${own}.take(queue_, jobs, false, token_, worker_, now_, until_);
        taken := taken || jobs;
        remaining := remaining - cardinality(jobs);
        FOR item IN SELECT l.lane, count(*)::int AS n FROM ${own}.lease l WHERE l.job = ANY (jobs) GROUP BY l.lane LOOP
          IF rooms ? item.lane THEN
            rooms := jsonb_set(rooms, ARRAY[item.lane], to_jsonb((rooms->>item.lane)::int - item.n));
          END IF;
        END LOOP;
        -- Again, where others had locked some of them.
        rounds := rounds + 1;
        EXIT WHEN remaining <= 0 OR rounds = 5;
      END LOOP;
    END IF;
  END LOOP;

  IF rooms <> '{}' AND cardinality(taken) > 0 THEN
    INSERT INTO ${own}.start (lane, at, count, counted_until)
    SELECT l.lane, now_, count(*), now_ + (limits->l.lane->>'per')::float8 * interval '1 millisecond'
    FROM ${own}.lease l WHERE l.job = ANY (taken) AND limits->l.lane->>'per' IS NOT NULL GROUP BY l.lane
    ON CONFLICT (lane, at) DO UPDATE SET count = start.count + excluded.count;
  END IF;
  RETURN json_build_object(
    'token', token_,
    'tasks', CASE WHEN cardinality(taken) > 0 THEN ${own}.deliveries(taken) END,
    'room', (SELECT ${own}.ms(min(${own}.room_at(x.key, limits->x.key, now_))) - ${own}.ms(now_) + 1
      FROM jsonb_each_text(rooms) x WHERE x.value::int <= 0))::text;
END $f$;
`;
}

function extending({ own, boss }: Names): string {
  return `
-- Claimed tasks as the worker gets them, in the order in which they were claimed. A row's columns, by place.
CREATE FUNCTION ${own}.deliveries(jobs uuid[]) RETURNS json LANGUAGE sql STABLE ${byIndex} AS $$
  SELECT json_agg(json_build_array(t.job, t.id, t.queue, t.task, t.headers, t.form, j.data, t.attempts, t.crashes,
    t.deferrals, ${own}.ms(t.deferred_at), l.cancelled) ORDER BY u.n)
  FROM unnest(jobs) WITH ORDINALITY AS u (job, n)
  JOIN ${own}.task t ON t.job = u.job JOIN ${own}.lease l ON l.job = t.job
  JOIN ${boss}.job j ON j.name = t.queue AND j.id = t.job $$;

-- Extends leases. Returns those that are held.
CREATE FUNCTION ${own}.extend(leases text) RETURNS text LANGUAGE sql VOLATILE ${byIndex} AS $$
  WITH held AS (
    UPDATE ${own}.lease l SET until = clock_timestamp() + x.ms * interval '1 millisecond'
    FROM json_to_recordset(leases::json) AS x (j uuid, a bigint, ms float8)
    WHERE l.job = x.j AND l.token = x.a AND EXISTS (
      SELECT FROM ${boss}.job j WHERE j.name = l.queue AND j.id = l.job AND j.state = 'active'
        AND j.retry_count = l.attempt)
    RETURNING l.job, l.token)
  SELECT coalesce(json_agg(json_build_array(job, token)), '[]')::text FROM held $$;
`;
}
