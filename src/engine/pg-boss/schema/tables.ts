/**
 * What pg-boss has no column for, in a schema of its own beside pg-boss's. The job's row says where a task is; what is
 * here follows it.
 *
 * @module
 */
import type { Names } from "../names.ts";

/** The version of what is in the schema; kept in `meta`. */
export const schemaVersion = 3;

/** Creates the tables. */
export function tables({ own }: Names): string {
  return `
CREATE TABLE ${own}.meta (version int NOT NULL);
INSERT INTO ${own}.meta VALUES (${schemaVersion});

-- A row for each job of ours, and each of others' that was taken. Whether one waits, runs or has ended is said by the
-- job's row alone: others may change that. "ended" is how exactly it has ended, where the job's row agrees.
CREATE TABLE ${own}.task (
  job           uuid PRIMARY KEY,
  seq           bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  id            text,
  queue         text NOT NULL,
  task          text NOT NULL,
  lane          text NOT NULL DEFAULT '',
  queued        boolean NOT NULL DEFAULT false,
  priority      int NOT NULL DEFAULT 0,
  place         timestamptz NOT NULL,
  sent_at       timestamptz NOT NULL,
  attempts      int NOT NULL DEFAULT 0,
  crashes       int NOT NULL DEFAULT 0,
  deferrals     int NOT NULL DEFAULT 0,
  deferred_at   timestamptz,
  worker        text,
  ended         text,
  remove_at     timestamptz,
  unique_key    text,
  unique_until  timestamptz,
  needs         text,
  progress      text,
  headers       text NOT NULL,
  form          text,
  result_form   text,
  reason        text,
  -- Why it was cancelled while it ran.
  cancelled     text
  -- Half of a page is left free for what is written when a task ends: on the same page, that leaves the indexes alone.
  -- For the same reason no index has a column that changes with every task.
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
-- Only tasks in lanes are found by these columns; all others are found by pg-boss's own index of its jobs.
CREATE INDEX task_lanes ON ${own}.task (queue, lane, priority DESC, place, seq) WHERE lane <> '' AND queued;
CREATE INDEX task_needs ON ${own}.task (queue, md5(needs), seq) WHERE needs IS NOT NULL;
CREATE INDEX task_keys  ON ${own}.task (task, md5(unique_key)) WHERE unique_key IS NOT NULL;
CREATE INDEX task_cancelled ON ${own}.task (job) WHERE cancelled IS NOT NULL;

-- When to look whether tasks are to be removed: what ended together is in one row. Each task's "remove_at" decides.
CREATE TABLE ${own}.removal (
  at   timestamptz NOT NULL,
  jobs uuid[] NOT NULL
);
ALTER TABLE ${own}.removal ALTER jobs SET STORAGE EXTERNAL;
CREATE INDEX removal_at ON ${own}.removal (at);

-- What our workers have: a row for the tasks that were claimed together, are of one queue and lane, and are leased until
-- the same time. A task is in it until it is settled. Beside each job is its retry_count, which every claim raises, also
-- pg-boss's: where they differ, another has the job, or had it. "started" is the job's started_on.
CREATE TABLE ${own}.lease (
  token    bigint NOT NULL,
  part     bigint NOT NULL,
  queue    text NOT NULL,
  lane     text NOT NULL,
  until    timestamptz NOT NULL,
  started  timestamptz NOT NULL,
  worker   text NOT NULL,
  jobs     uuid[] NOT NULL,
  attempts int[] NOT NULL,
  PRIMARY KEY (token, part)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
-- They are short enough for that, and read often.
ALTER TABLE ${own}.lease ALTER jobs SET STORAGE PLAIN, ALTER attempts SET STORAGE PLAIN;
CREATE INDEX lease_until ON ${own}.lease (queue, until);
CREATE INDEX lease_started ON ${own}.lease (started);
CREATE INDEX lease_lanes ON ${own}.lease (lane, until) WHERE lane <> '';
CREATE SEQUENCE ${own}.part CACHE 32;

-- Ids of duplicates, and who answers for them.
CREATE TABLE ${own}.alias (
  job    uuid PRIMARY KEY,
  holder uuid NOT NULL REFERENCES ${own}.task (job) ON DELETE CASCADE
);
CREATE INDEX alias_holder ON ${own}.alias (holder);

-- When tasks of lanes with a rate were started, and until when that counts.
CREATE TABLE ${own}.start (
  lane          text NOT NULL,
  at            timestamptz NOT NULL,
  count         int NOT NULL,
  counted_until timestamptz NOT NULL,
  PRIMARY KEY (lane, at)
);

-- What handlers logged.
CREATE TABLE ${own}.log (
  job    uuid NOT NULL REFERENCES ${own}.task (job) ON DELETE CASCADE,
  number bigint NOT NULL,
  at     double precision NOT NULL,
  text   text NOT NULL,
  PRIMARY KEY (job, number)
);

CREATE TABLE ${own}.paused (queue text PRIMARY KEY);
`;
}
