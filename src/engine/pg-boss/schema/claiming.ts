/**
 * Claiming tasks, and keeping the leases.
 *
 * @module
 */
import type { Names } from "../names.ts";
import { byIndex, fewAs, plannedOnce } from "./common.ts";

/** Longer than any lease, in seconds: pg-boss never takes one of our runs for dead. Its workers get their queue's. */
const neverExpires = 2_147_483_647;

/** At most so many tasks are in a row of the leases. */
const mostInLease = 100;

/** `claim`, `extend`, with what they use. */
export function claimFunctions(names: Names): string {
  return [choosing(names), rooms(names), taking(names), claiming(names), extending(names)].join("\n");
}

const isReady = `j.name = queue_ AND j.state < 'active' AND j.start_after <= now_`;

/** Which jobs of a queue are the next. Each locks what it returns, and passes over what others have locked. */
function choosing({ own, boss }: Names): string {
  return `
-- Jobs in no lane, and those of all lanes that have room, in their common order. "open" are lanes, and "room" how many of each.
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
    (limit_->>'c')::float8 - (SELECT coalesce(sum(cardinality(jobs)), 0) FROM ${own}.lease
      WHERE lane = lane_ AND lane <> '' AND until > now_),
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
-- Leases jobs that are locked, of which each has a task, and returns what the worker gets, in the order of the jobs: an
-- object with an array for each column (claims.ts).
CREATE FUNCTION ${own}.take(queue_ text, jobs uuid[], lost boolean, token_ bigint, worker_ text, now_ timestamptz,
  until_ timestamptz, OUT json_ text, OUT count_ int) LANGUAGE plpgsql AS $f$
DECLARE
  stale uuid[];
BEGIN
  WITH known AS MATERIALIZED (
    SELECT u.n, t.job, t.id, t.queue, t.task, t.lane, t.headers, t.form, t.attempts, t.crashes, t.deferrals, t.deferred_at,
      CASE WHEN lost THEN t.cancelled END AS cancelled, lost OR t.queued OR t.progress IS NOT NULL OR t.needs IS NOT NULL
        OR t.ended IS NOT NULL OR t.remove_at IS NOT NULL OR t.cancelled IS NOT NULL AS is_stale
    -- ${fewAs("nothing")}
    FROM unnest(jobs, '{}'::text[]) WITH ORDINALITY AS u (job, nothing, n) JOIN ${own}.task t ON t.job = u.job
    WHERE u.nothing IS NULL),
  taken AS (
    UPDATE ${boss}.job j SET state = 'active', started_on = now_, heartbeat_on = now_, retry_count = j.retry_count + 1,
      expire_seconds = ${neverExpires}, heartbeat_seconds = NULL, completed_on = NULL
    FROM known k WHERE j.name = k.queue AND j.id = k.job
    RETURNING k.*, j.retry_count, j.data),
  leased AS (
    INSERT INTO ${own}.lease (token, part, queue, lane, until, started, worker, jobs, attempts)
    SELECT token_, nextval('${own}.part'), queue_, g.lane, until_, now_, worker_, g.jobs, g.tries
    FROM (SELECT k.lane, array_agg(k.job) AS jobs, array_agg(k.retry_count) AS tries FROM taken k
      GROUP BY k.lane, (k.n - 1) / ${mostInLease}) g)
  SELECT count(*), concat('{"queue":', to_json(queue_), ',"laned":', to_json(bool_or(k.lane <> '')), ',"jobs":', json_agg(k.job), ',"ids":', json_agg(k.id),
      ',"tasks":', json_agg(k.task), ',"headers":', json_agg(k.headers), ',"forms":', json_agg(k.form),
      ',"data":', json_agg(k.data), ',"pasts":', json_agg(
        CASE WHEN lost OR k.attempts > 0 OR k.crashes > 0 OR k.deferrals > 0 OR k.deferred_at IS NOT NULL
        THEN json_build_array(k.attempts, k.crashes + lost::int, k.deferrals, ${own}.ms(k.deferred_at), k.cancelled) END), '}'),
    array_agg(k.job) FILTER (WHERE k.is_stale)
  INTO count_, json_, stale FROM (SELECT * FROM taken ORDER BY n) k;
  -- Nothing for most that run for the first time.
  IF stale IS NOT NULL THEN
    UPDATE ${own}.task t SET crashes = t.crashes + lost::int, progress = NULL, needs = NULL, queued = false, ended = NULL,
      remove_at = NULL,
      -- Of a run that others have ended, the mark does not hold for this one.
      cancelled = CASE WHEN lost THEN t.cancelled END
    WHERE t.job = ANY (stale);
  END IF;
  IF count_ = 0 THEN json_ := NULL; END IF;
END $f$;
`;
}

function claiming({ own, boss }: Names): string {
  return `
-- Makes what has run out of these leases last from now on. One that is locked is being extended, or settled.
CREATE FUNCTION ${own}.keep(held bigint[], lease_ double precision) RETURNS void LANGUAGE sql VOLATILE ${byIndex} AS $$
  UPDATE ${own}.lease l SET until = clock_timestamp() + lease_ * interval '1 millisecond'
  WHERE (l.token, l.part) IN (SELECT h.token, h.part FROM ${own}.lease h
    WHERE h.token = ANY (held) AND h.until <= clock_timestamp() FOR UPDATE SKIP LOCKED) $$;

-- Claims as the request says (claims.ts), by a token that nobody else has. Where there are parked tasks that need what it does not tell whether it
-- knows, it claims nothing, and asks. "limits" are by lane, see room(). "long" and "short" are tokens of the process that asks:
-- what ran out of these stays its own, as it lives, but could not say so in time. Of the short ones the heartbeat is on
-- its way, or there is none.
CREATE FUNCTION ${own}.claim(token_ bigint, queues text[], most int, lease_ double precision, worker_ text, limits jsonb, knows boolean,
  asked text[], known text[], adopts text[], long bigint[], short bigint[]) RETURNS text ${plannedOnce} AS $f$
DECLARE
  rooms jsonb := '{}';
  remaining int := most;
  now_ timestamptz;
  until_ timestamptz;
  queue_ text;
  adopt boolean;
  is_paused boolean;
  is_needed boolean;
  is_lost boolean;
  is_laned boolean;
  is_mixed boolean;
  found_ int;
  lanes text[];
  open text[];
  jobs uuid[];
  others uuid[];
  lost uuid[];
  kept int[];
  mine uuid[] := '{}';
  taken text[] := '{}';
  lane_ text;
  item record;
  rounds int;
BEGIN
  SELECT EXISTS (SELECT FROM ${own}.paused p WHERE p.queue = ANY (queues)),
    knows AND EXISTS (SELECT FROM ${own}.task t WHERE t.queue = ANY (queues) AND t.needs IS NOT NULL)
  INTO is_paused, is_needed;
  IF is_paused THEN
    queues := ARRAY(SELECT q FROM unnest(queues) WITH ORDINALITY u (q, n)
      WHERE NOT EXISTS (SELECT FROM ${own}.paused p WHERE p.queue = q) ORDER BY n);
  END IF;
  IF is_needed THEN
    lanes := ARRAY(SELECT DISTINCT x FROM unnest(queues) q, unnest(${own}.needs_of(q)) x WHERE x <> ALL (asked));
    IF cardinality(lanes) > 0 THEN RETURN json_build_object('ask', lanes)::text; END IF;
  END IF;
  now_ := clock_timestamp();
  IF limits <> '{}' THEN
    -- What runs takes room in its lane.
    IF EXISTS (SELECT FROM ${own}.lease l WHERE l.token = ANY (long || short) AND l.until <= now_) THEN
      PERFORM ${own}.keep(long, lease_), ${own}.keep(short, least(lease_, 250));
    END IF;
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
    -- A lane that has something only from now on was not counted, and is left to the next claim.
    now_ := clock_timestamp();
  END IF;
  until_ := now_ + lease_ * interval '1 millisecond';

  FOREACH queue_ IN ARRAY queues LOOP
    EXIT WHEN remaining <= 0;
    SELECT EXISTS (SELECT FROM ${own}.lease l WHERE l.queue = queue_ AND l.until <= now_),
      EXISTS (SELECT FROM ${own}.task t WHERE t.queue = queue_ AND t.lane <> '' AND t.queued)
    INTO is_lost, is_laned;
    IF is_lost THEN
      PERFORM ${own}.keep(long, lease_), ${own}.keep(short, least(lease_, 250));
      lost := '{}';
      FOR item IN SELECT l.token, l.part, l.lane, l.jobs, l.attempts FROM ${own}.lease l
        WHERE l.queue = queue_ AND l.until <= now_ AND l.token <> ALL (long || short) ORDER BY l.until FOR UPDATE SKIP LOCKED
      LOOP
        EXIT WHEN remaining <= 0;
        kept := '{}';
        FOR i IN 1 .. cardinality(item.jobs) LOOP
          IF remaining <= 0 OR coalesce((rooms->>item.lane)::int, (NOT limits ? item.lane)::int) <= 0 THEN
            kept := kept || i;
            CONTINUE;
          END IF;
          PERFORM FROM ${boss}.job j WHERE j.name = queue_ AND j.id = item.jobs[i] AND j.state = 'active'
            AND j.retry_count = item.attempts[i] FOR UPDATE;
          CONTINUE WHEN NOT FOUND; -- others have ended it
          lost := lost || item.jobs[i];
          remaining := remaining - 1;
          IF rooms ? item.lane THEN
            rooms := jsonb_set(rooms, ARRAY[item.lane], to_jsonb((rooms->>item.lane)::int - 1));
          END IF;
        END LOOP;
        IF cardinality(kept) = 0 THEN
          DELETE FROM ${own}.lease l WHERE l.token = item.token AND l.part = item.part;
        ELSIF cardinality(kept) < cardinality(item.jobs) THEN
          UPDATE ${own}.lease l SET jobs = ARRAY(SELECT item.jobs[k] FROM unnest(kept) k),
            attempts = ARRAY(SELECT item.attempts[k] FROM unnest(kept) k)
          WHERE l.token = item.token AND l.part = item.part;
        END IF;
      END LOOP;
      IF cardinality(lost) > 0 THEN
        SELECT taken || k.json_ INTO taken FROM ${own}.take(queue_, lost, true, token_, worker_, now_, until_) k;
        mine := mine || lost;
      END IF;
    END IF;
    -- Parked for whoever knows.
    IF is_needed AND cardinality(known) > 0 AND remaining > 0 THEN
      FOR item IN SELECT t.job, t.lane FROM ${own}.task t WHERE t.queue = queue_ AND t.needs IS NOT NULL
        AND t.needs = ANY (known) ORDER BY t.seq
      LOOP
        EXIT WHEN remaining <= 0;
        CONTINUE WHEN coalesce((rooms->>item.lane)::int, (NOT limits ? item.lane)::int) <= 0;
        PERFORM FROM ${boss}.job j WHERE j.name = queue_ AND j.id = item.job AND j.state = 'failed'
          FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        SELECT taken || k.json_ INTO taken FROM ${own}.take(queue_, ARRAY[item.job], false, token_, worker_, now_, until_) k;
        mine := mine || item.job;
        remaining := remaining - 1;
        IF rooms ? item.lane THEN
          rooms := jsonb_set(rooms, ARRAY[item.lane], to_jsonb((rooms->>item.lane)::int - 1));
        END IF;
      END LOOP;
    END IF;
    -- Waiting.
    adopt := queue_ = ANY (adopts);
    is_mixed := false;
    rounds := 0;
    WHILE remaining > 0 LOOP
      IF is_laned THEN
        lanes := ${own}.lanes_of(queue_);
        open := ARRAY(SELECT x FROM unnest(lanes) x WHERE coalesce((rooms->>x)::int, (NOT limits ? x)::int) > 0);
        jobs := ${own}.next_of_lanes(queue_, adopt, remaining, now_, open,
          ARRAY(SELECT coalesce((rooms->>x)::int, 1000000) FROM unnest(open) x));
        others := jobs;
      ELSE
        IF NOT adopt AND NOT is_mixed THEN
          -- Ours are known by how long pg-boss shall keep them. Locks what it finds, passes over what others have locked.
          SELECT array_agg(x.id) INTO jobs FROM (
            SELECT j.id FROM ${boss}.job j
            WHERE ${isReady} AND NOT j.blocked AND j.keep_until > now_ + interval '500 years'
            ORDER BY j.priority DESC, j.created_on LIMIT remaining
            FOR UPDATE SKIP LOCKED) x;
        ELSE
          -- Jobs of others only where "adopt", and not of queues that have a policy.
          SELECT array_agg(x.id), array_agg(x.id) FILTER (WHERE x.job IS NULL) INTO jobs, others FROM (
            SELECT j.id, t.job FROM ${boss}.job j LEFT JOIN ${own}.task t ON t.job = j.id
            WHERE ${isReady} AND NOT j.blocked
              AND (t.job IS NOT NULL OR (adopt AND coalesce(j.policy, 'standard') = 'standard'))
            ORDER BY j.priority DESC, j.created_on LIMIT remaining
            FOR UPDATE OF j SKIP LOCKED) x;
        END IF;
      END IF;
      EXIT WHEN jobs IS NULL;
      IF adopt AND others IS NOT NULL THEN
        -- From now on as if we had sent them.
        INSERT INTO ${own}.task (job, queue, task, headers, priority, place, sent_at)
        SELECT j.id, queue_, queue_, '{"wire":0}', j.priority, j.created_on, j.created_on FROM ${boss}.job j
        WHERE j.name = queue_ AND j.id = ANY (others) AND NOT EXISTS (SELECT FROM ${own}.task o WHERE o.job = j.id);
      END IF;
      SELECT taken || k.json_, k.count_ INTO taken, found_ FROM ${own}.take(queue_, jobs, false, token_, worker_, now_, until_) k;
      mine := mine || jobs;
      remaining := remaining - found_;
      IF NOT is_laned THEN
        EXIT WHEN is_mixed OR found_ = cardinality(jobs);
        -- There are copies of ours that others have made: look at each.
        is_mixed := true;
        CONTINUE;
      END IF;
      FOR item IN SELECT t.lane, count(*)::int AS n FROM ${own}.task t WHERE t.job = ANY (jobs) GROUP BY t.lane LOOP
        IF rooms ? item.lane THEN
          rooms := jsonb_set(rooms, ARRAY[item.lane], to_jsonb((rooms->>item.lane)::int - item.n));
        END IF;
      END LOOP;
      -- Again, where others had locked some of them.
      rounds := rounds + 1;
      EXIT WHEN rounds = 5;
    END LOOP;
  END LOOP;

  IF rooms <> '{}' AND cardinality(mine) > 0 THEN
    INSERT INTO ${own}.start (lane, at, count, counted_until)
    SELECT t.lane, now_, count(*), now_ + (limits->t.lane->>'per')::float8 * interval '1 millisecond'
    FROM ${own}.task t WHERE t.job = ANY (mine) AND limits->t.lane->>'per' IS NOT NULL GROUP BY t.lane
    ON CONFLICT (lane, at) DO UPDATE SET count = start.count + excluded.count;
  END IF;
  RETURN '{"token":' || token_ || ',"tasks":[' || array_to_string(taken, ',') || '],"room":' || CASE WHEN rooms = '{}'
    THEN 'null' ELSE coalesce((SELECT ${own}.ms(min(${own}.room_at(x.key, limits->x.key, now_))) - ${own}.ms(now_) + 1
      FROM jsonb_each_text(rooms) x WHERE x.value::int <= 0)::text, 'null') END || '}';
END $f$;
`;
}

function extending({ own, boss }: Names): string {
  return `
-- Extends leases, each by so many milliseconds from now. Returns those that are held.
CREATE FUNCTION ${own}.extend(ids uuid[], tokens bigint[], spans double precision[]) RETURNS text ${plannedOnce} AS $f$
DECLARE
  now_ timestamptz := clock_timestamp();
  item record;
  share record;
  left_ int;
  held json[] := '{}';
BEGIN
  FOR item IN SELECT l.* FROM ${own}.lease l WHERE l.token = ANY (tokens) ORDER BY l.token, l.part FOR UPDATE LOOP
    left_ := cardinality(item.jobs);
    FOR share IN
      SELECT x.span, array_agg(u.job) AS jobs, array_agg(u.attempt) AS attempts
      FROM unnest(ids, tokens, spans) AS x (job, token, span), unnest(item.jobs, item.attempts) AS u (job, attempt)
      WHERE x.token = item.token AND u.job = x.job AND EXISTS (
        SELECT FROM ${boss}.job j WHERE j.name = item.queue AND j.id = u.job AND j.state = 'active' AND j.retry_count = u.attempt)
      GROUP BY x.span
    LOOP
      held := held || ARRAY(SELECT json_build_array(x, item.token) FROM unnest(share.jobs) x);
      IF cardinality(share.jobs) = cardinality(item.jobs) THEN
        UPDATE ${own}.lease l SET until = now_ + share.span * interval '1 millisecond'
        WHERE l.token = item.token AND l.part = item.part;
        EXIT;
      END IF;
      -- Not all of them, or not equally long: these in a row of their own.
      INSERT INTO ${own}.lease VALUES (item.token, nextval('${own}.part'), item.queue, item.lane,
        now_ + share.span * interval '1 millisecond', item.started, item.worker, share.jobs, share.attempts);
      left_ := left_ - cardinality(share.jobs);
      IF left_ = 0 THEN
        DELETE FROM ${own}.lease l WHERE l.token = item.token AND l.part = item.part;
      ELSE
        UPDATE ${own}.lease l SET
          jobs = ARRAY(SELECT u.job FROM unnest(l.jobs) u (job) WHERE u.job <> ALL (share.jobs)),
          attempts = ARRAY(SELECT u.attempt FROM unnest(l.jobs, l.attempts) u (job, attempt) WHERE u.job <> ALL (share.jobs))
        WHERE l.token = item.token AND l.part = item.part;
      END IF;
    END LOOP;
  END LOOP;
  RETURN array_to_json(held)::text;
END $f$;
`;
}
