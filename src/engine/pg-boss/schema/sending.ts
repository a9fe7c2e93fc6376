/**
 * Accepting tasks.
 *
 * @module
 */
import type { Names } from "../names.ts";
import { byIndex } from "./common.ts";

/** Of a JSON array of tasks, as `sending.ts` writes them. */
const columns =
  "j uuid, i text, q text, t text, l text, d jsonb, f text, h text, r float8, p int, k text, u float8, w boolean";

/** `send`, with what it uses. */
export function sendFunctions({ own, boss }: Names): string {
  return `
-- Puts tasks in. Those whose ids are known are left as they are.
CREATE FUNCTION ${own}.put(batch json, base timestamptz, now_ timestamptz) RETURNS void LANGUAGE plpgsql AS $f$
DECLARE
  sent bigint;
BEGIN
  WITH input AS MATERIALIZED (
    SELECT x.*, CASE WHEN r <= ${own}.ms(now_) THEN now_ ELSE ${own}.time(r) END AS run_at,
      CASE WHEN r <= ${own}.ms(now_) THEN base + n * interval '1 microsecond' ELSE ${own}.time(r) END AS place
    FROM ROWS FROM (json_to_recordset(batch) AS (${columns}))
      WITH ORDINALITY AS x (j, i, q, t, l, d, f, h, r, p, k, u, w, n)),
  new AS (
    INSERT INTO ${own}.task (job, id, queue, task, lane, queued, priority, place, sent_at, unique_key, unique_until,
      headers, form)
    SELECT j, i, q, t, l, l <> '', p, place, now_, k, ${own}.time(u), h, f FROM input ORDER BY n
    ON CONFLICT (job) DO NOTHING
    RETURNING job, seq)
  -- pg-boss takes its jobs in the order of created_on, so that this is the task's place: for one that is sent for
  -- later, its time. What its own workers need is the queue's; a policy is not: it would drop tasks.
  INSERT INTO ${boss}.job (id, name, priority, data, start_after, created_on, keep_until, policy, blocked,
    retry_limit, retry_delay, retry_backoff, retry_delay_max, expire_seconds, deletion_seconds, heartbeat_seconds,
    dead_letter, singleton_key)
  SELECT i.j, i.q, i.p, i.d, i.run_at,
    CASE WHEN i.run_at > now_ THEN i.place + (new.seq % 1000) * interval '1 microsecond' ELSE i.place END,
    i.run_at + interval '1000 years', 'standard', i.l <> '',
    q.retry_limit, q.retry_delay, q.retry_backoff, q.retry_delay_max, q.expire_seconds, q.deletion_seconds,
    q.heartbeat_seconds, q.dead_letter, i.k
  FROM input i JOIN new ON new.job = i.j
    -- A queue that is gone is an error, and not a task that is lost.
    LEFT JOIN ${boss}.queue q ON q.name = i.q
  ORDER BY i.n;
  GET DIAGNOSTICS sent = ROW_COUNT;
  IF sent = json_array_length(batch) THEN RETURN; END IF;
  -- What others have removed through pg-boss is not known any more: to leave it as it is would be to lose it.
  DELETE FROM ${own}.task t USING json_to_recordset(batch) AS x (j uuid)
    WHERE t.job = x.j AND NOT EXISTS (SELECT FROM ${boss}.job b WHERE b.name = t.queue AND b.id = t.job);
  IF FOUND THEN PERFORM ${own}.put(batch, base, now_); END IF;
END $f$;

-- The task that holds a key; null when none does.
CREATE FUNCTION ${own}.holder(task_ text, key_ text, now_ timestamptz) RETURNS uuid LANGUAGE sql STABLE ${byIndex} AS $$
  SELECT t.job FROM ${own}.task t JOIN ${boss}.job j ON j.name = t.queue AND j.id = t.job
  WHERE t.task = task_ AND md5(t.unique_key) = md5(key_) AND t.unique_key = key_
    AND CASE WHEN t.unique_until IS NOT NULL THEN t.unique_until > now_
             ELSE j.state <= 'active' OR (t.needs IS NOT NULL AND j.state = 'failed') END
  ORDER BY t.seq LIMIT 1 $$;

-- Sends what may have keys, one after the other. Returns for each duplicate its number and the holder.
CREATE FUNCTION ${own}.put_keyed(batch json, base timestamptz, now_ timestamptz) RETURNS json LANGUAGE plpgsql AS $f$
#variable_conflict use_column
DECLARE
  item record;
  lock_ bigint;
  holder_ uuid;
  held json[] := '{}';
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'petiole: a task with a key cannot be sent in a transaction that is %',
      current_setting('transaction_isolation') USING ERRCODE = 'PTIL1';
  END IF;
  -- In one order, or two batches wait for each other.
  FOR lock_ IN SELECT DISTINCT hashtextextended(x.t || chr(1) || x.k, 0) FROM json_to_recordset(batch) AS x (t text, k text)
    WHERE x.k IS NOT NULL ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock(lock_);
  END LOOP;
  FOR item IN SELECT e.value, e.n, x.* FROM json_array_elements(batch) WITH ORDINALITY AS e (value, n),
    json_to_record(e.value) AS x (j uuid, t text, k text, w boolean) ORDER BY e.n
  LOOP
    holder_ := NULL;
    IF item.k IS NOT NULL AND NOT EXISTS (SELECT FROM ${own}.task WHERE job = item.j) THEN
      SELECT a.holder INTO holder_ FROM ${own}.alias a WHERE a.job = item.j;
      IF holder_ IS NULL THEN
        holder_ := ${own}.holder(item.t, item.k, now_);
        IF holder_ IS NOT NULL AND item.w THEN
          INSERT INTO ${own}.alias VALUES (item.j, holder_) ON CONFLICT DO NOTHING;
        END IF;
      END IF;
    END IF;
    IF holder_ IS NULL THEN
      PERFORM ${own}.put(json_build_array(item.value), base + item.n * interval '1 microsecond', now_);
    ELSE
      held := held || (SELECT json_build_array(item.n - 1, t.job, t.id) FROM ${own}.task t WHERE t.job = holder_);
    END IF;
  END LOOP;
  RETURN array_to_json(held);
END $f$;

-- Sends. "least" is the least place for what may run at once, in microseconds: after what was sent before.
CREATE FUNCTION ${own}.send(batch text, least_ double precision, soon double precision, who text) RETURNS text
LANGUAGE plpgsql SET jit = off AS $f$
DECLARE
  items json := batch::json;
  now_ timestamptz := clock_timestamp();
  base timestamptz := greatest(now_, 'epoch'::timestamptz + least_ * interval '1 microsecond');
  held json;
BEGIN
  -- Here, not before: a transaction of the user's may not see what was committed since it began.
  PERFORM ${boss}.create_queue(x.q, '{"policy":"standard"}'::jsonb)
    FROM (SELECT DISTINCT q FROM json_to_recordset(items) AS x (q text) ORDER BY q) x
    WHERE NOT EXISTS (SELECT FROM ${boss}.queue q WHERE q.name = x.q);
  IF EXISTS (SELECT FROM json_to_recordset(items) AS x (k text) WHERE k IS NOT NULL) THEN
    held := ${own}.put_keyed(items, base, now_);
  ELSE
    PERFORM ${own}.put(items, base, now_);
  END IF;
  PERFORM ${own}.tell_ready(who, array_agg(DISTINCT x.q)) FROM json_to_recordset(items) AS x (q text, r float8)
    WHERE x.r <= ${own}.ms(now_) + soon;
  RETURN json_build_object('held', held,
    'place', extract(epoch FROM base) * 1000000 + 2 * json_array_length(items))::text;
END $f$;
`;
}
