/**
 * Looking for what may be claimed, and removing what has ended long ago.
 *
 * @module
 */
import type { Names } from "../names.ts";
import { byIndex } from "./common.ts";

/** `look`, `sweep`. */
export function lookFunctions({ own, boss }: Names): string {
  const waiting = `j.name = queue_ AND j.state < 'active' AND NOT j.blocked`;
  return `
-- When a job of a queue that waits in no lane has its time; past when it has come. Of each priority the first.
CREATE FUNCTION ${own}.next_time(queue_ text, now_ timestamptz) RETURNS timestamptz LANGUAGE sql STABLE ${byIndex} AS $$
  WITH RECURSIVE found (priority) AS (
    SELECT (SELECT max(j.priority) FROM ${boss}.job j WHERE ${waiting})
    UNION ALL
    SELECT (SELECT max(j.priority) FROM ${boss}.job j WHERE ${waiting} AND j.priority < found.priority)
    FROM found WHERE found.priority IS NOT NULL)
  SELECT min((SELECT j.created_on FROM ${boss}.job j WHERE ${waiting} AND j.priority = found.priority
    AND j.created_on > now_ AND j.start_after > now_ ORDER BY j.created_on LIMIT 1))
  FROM found WHERE priority IS NOT NULL $$;

-- For each queue: whether a claim may find something, and in how many milliseconds the next may.
CREATE FUNCTION ${own}.look(queues text[]) RETURNS text LANGUAGE plpgsql ${byIndex} AS $f$
DECLARE
  now_ timestamptz := clock_timestamp();
  queue_ text;
  next_ timestamptz;
  is_ready boolean;
  result json[] := '{}';
BEGIN
  FOREACH queue_ IN ARRAY queues LOOP
    IF EXISTS (SELECT FROM ${own}.paused p WHERE p.queue = queue_) THEN
      result := result || json_build_array(false, NULL);
      CONTINUE;
    END IF;
    is_ready := EXISTS (SELECT FROM ${own}.lease l WHERE l.queue = queue_ AND l.until <= now_)
      OR EXISTS (SELECT FROM ${boss}.job j WHERE ${waiting} AND j.start_after <= now_)
      OR EXISTS (SELECT FROM ${own}.task t WHERE t.queue = queue_ AND t.lane <> '' AND t.queued AND t.place <= now_ + interval '10 milliseconds')
      OR EXISTS (SELECT FROM ${own}.task t WHERE t.queue = queue_ AND t.needs IS NOT NULL);
    next_ := least(
      (SELECT min(l.until) FROM ${own}.lease l WHERE l.queue = queue_ AND l.until > now_),
      ${own}.next_time(queue_, now_),
      (SELECT min(x.at) FROM unnest(${own}.lanes_of(queue_)) u (lane), LATERAL (
        SELECT min(t.place) AS at FROM ${own}.task t WHERE t.queue = queue_ AND t.lane = u.lane AND t.lane <> '' AND t.queued
          AND t.place > now_) x));
    result := result || json_build_array(is_ready, extract(epoch FROM next_ - now_) * 1000);
  END LOOP;
  RETURN array_to_json(result)::text;
END $f$;

-- Removes tasks whose time has come, and goes on through all from "after": what is left of jobs that others removed.
CREATE FUNCTION ${own}.sweep(most int, after bigint) RETURNS text LANGUAGE plpgsql ${byIndex} AS $f$
DECLARE
  item record;
  found_ uuid[] := '{}';
  jobs uuid[];
  last bigint;
BEGIN
  FOR item IN SELECT r.ctid, r.jobs FROM ${own}.removal r WHERE r.at <= clock_timestamp() ORDER BY r.at FOR UPDATE SKIP LOCKED LOOP
    found_ := found_ || item.jobs;
    DELETE FROM ${own}.removal r WHERE r.ctid = item.ctid;
    EXIT WHEN cardinality(found_) >= most;
  END LOOP;
  IF cardinality(found_) > 0 THEN
    jobs := ARRAY(SELECT t.job FROM ${own}.task t WHERE t.job = ANY (found_) AND t.remove_at <= clock_timestamp()
      FOR UPDATE SKIP LOCKED);
    -- Those that somebody has at the moment: again soon.
    INSERT INTO ${own}.removal (at, jobs) SELECT clock_timestamp() + interval '1 second', array_agg(t.job) FROM ${own}.task t
      WHERE t.job = ANY (found_) AND t.remove_at <= clock_timestamp() AND t.job <> ALL (jobs) HAVING count(*) > 0;
    -- What others have made wait again is not removed.
    UPDATE ${own}.task t SET remove_at = NULL FROM ${boss}.job j
    WHERE t.job = ANY (jobs) AND j.name = t.queue AND j.id = t.job AND j.state <= 'active';
    DELETE FROM ${boss}.job j USING ${own}.task t
    WHERE t.job = ANY (jobs) AND t.remove_at IS NOT NULL AND j.name = t.queue AND j.id = t.job AND j.state > 'active';
    DELETE FROM ${own}.task t WHERE t.job = ANY (jobs) AND t.remove_at IS NOT NULL;
  END IF;
  DELETE FROM ${own}.start s WHERE s.counted_until <= clock_timestamp();
  SELECT max(seq) INTO last FROM (SELECT seq FROM ${own}.task t WHERE t.seq > after ORDER BY t.seq LIMIT most) x;
  IF last IS NOT NULL THEN
    DELETE FROM ${own}.task t WHERE t.seq > after AND t.seq <= last
      AND NOT EXISTS (SELECT FROM ${boss}.job j WHERE j.name = t.queue AND j.id = t.job);
  END IF;
  DELETE FROM ${own}.lease l WHERE NOT EXISTS (SELECT FROM ${own}.task t WHERE t.job = ANY (l.jobs));
  RETURN json_build_object('removed', cardinality(found_), 'last', coalesce(last, 0), 'next',
    (SELECT extract(epoch FROM min(r.at) - clock_timestamp()) * 1000 FROM ${own}.removal r))::text;
END $f$;
`;
}
