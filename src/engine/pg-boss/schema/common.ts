/**
 * Functions that the others use. All run in READ COMMITTED: each statement in them sees what was committed before it.
 *
 * @module
 */
import type { Names } from "../names.ts";

/**
 * As a function's plans are kept for its connection, they must not depend on how full the tables were at first. Plans by
 * index count as dear then, so that PostgreSQL would compile them, which takes longer than to run them.
 */
export const byIndex =
  "SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off";

/**
 * For the functions that run all the time: planned once for a connection. In PL/pgSQL, as what is written in SQL is
 * planned again with each call; and without a look at the values, which do not change these plans.
 */
export const plannedOnce = `LANGUAGE plpgsql ${byIndex} SET plan_cache_mode = force_generic_plan`;

/**
 * The comment on a condition that is always true: that a column which nobody fills is null. A plan that is kept was made
 * for tables that may have been empty then; only of rows that it takes for few, each is looked up by index for sure.
 */
export const fewAs = (column: string): string =>
  `"${column}" is never there: for the planner these are few rows, each to be looked up by index.`;

/** Helpers. */
export function commonFunctions({ own, boss, channel, bossChannel }: Names): string {
  return `
-- A time of JavaScript's; what is out of PostgreSQL's reach becomes the furthest.
CREATE FUNCTION ${own}.time(ms double precision) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN ms IS NOT NULL THEN to_timestamp(least(greatest(ms, -1e13), 8.64e15) / 1000) END $$;

-- As volatile as what it is made of, no less: only so it becomes part of the statements that use it.
CREATE FUNCTION ${own}.ms(at timestamptz) RETURNS double precision LANGUAGE sql STABLE AS
$$ SELECT floor(extract(epoch FROM at) * 1000)::double precision $$;

-- A reason for pg-boss's column, where people read it: as JSON where jsonb can hold it.
CREATE FUNCTION ${own}.readable(reason text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $f$
BEGIN
  RETURN reason::jsonb;
EXCEPTION WHEN OTHERS THEN
  RETURN to_jsonb(reason);
END $f$;

-- Where a task is, by the row of its job.
CREATE FUNCTION ${own}.state(state ${boss}.job_state, start_after timestamptz, ended text) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT CASE
  WHEN state < 'active' THEN CASE WHEN start_after > clock_timestamp() THEN 'scheduled' ELSE 'waiting' END
  WHEN state = 'active' THEN 'running'
  WHEN state = 'completed' THEN 'succeeded'
  WHEN state = 'failed' THEN CASE WHEN ended = 'parked' THEN ended ELSE 'failed' END
  WHEN ended IN ('skipped', 'discarded', 'expired') THEN ended
  ELSE 'cancelled' END $$;

-- The state of pg-boss's that stands for an end.
CREATE FUNCTION ${own}.job_state(ended text) RETURNS ${boss}.job_state LANGUAGE sql STABLE AS $$ SELECT CASE
  WHEN ended = 'succeeded' THEN 'completed'::${boss}.job_state
  WHEN ended IN ('failed', 'parked') THEN 'failed'::${boss}.job_state
  ELSE 'cancelled'::${boss}.job_state END $$;

-- Tells other engines; "kind" is one letter, "who" the one that tells.
CREATE FUNCTION ${own}.tell(kind text, who text, what text) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  PERFORM pg_notify('${channel}', kind || who || CASE WHEN octet_length(what) > 7000 THEN '' ELSE what END);
END $f$;

-- Tells workers, ours and pg-boss's own, that a queue has something. Without a queue: any may have.
CREATE FUNCTION ${own}.tell_ready(who text, queues text[]) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  IF coalesce(cardinality(queues), 0) = 0 THEN RETURN; END IF;
  PERFORM ${own}.tell('r', who, q) FROM unnest(queues) AS q;
  PERFORM pg_notify('${bossChannel}', q.name) FROM ${boss}.queue q WHERE q.name = ANY (queues) AND q.notify;
END $f$;

-- Tells of tasks: ended, or changed in another way.
CREATE FUNCTION ${own}.tell_tasks(kind text, who text, jobs uuid[]) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  FOR i IN 0 .. (coalesce(cardinality(jobs), 0) - 1) / 180 LOOP
    EXIT WHEN coalesce(cardinality(jobs), 0) = 0;
    PERFORM ${own}.tell(kind, who, array_to_string(jobs[i * 180 + 1 : (i + 1) * 180], ','));
  END LOOP;
END $f$;
`;
}
