/**
 * The file: what is in it, and how it is recognised.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { endStates } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import type { Place } from "./place.ts";

/** The version of the schema, kept in the file's mark. */
export const schemaVersion = 2;

/**
 * Being at an end, as the condition by which an index below is defined. A query that is to use the index has to
 * say it in the same words. It is not the list of the ends, so that a state that is none is found there too. Nor does
 * it say NOT IN: for a list, SQLite makes a table with each statement that writes.
 */
export const ended = "state <> 'scheduled' AND state <> 'waiting' AND state <> 'running'";

/** Parked until a worker comes that knows what it needs: again in the words of an index. */
export const left = "state = 'parked' AND needs IS NOT NULL";

/**
 * Holding a key, or maybe holding one, as the condition by which an index below is defined: to be said in the
 * same words, too. Of a thousand tasks that had the same key and have ended, none is in the way.
 */
export const mayHoldKey =
  "unique_key IS NOT NULL AND " +
  "(unique_until IS NOT NULL OR state = 'scheduled' OR state = 'waiting' OR state = 'running' OR " +
  `(${left}))`;

/** Queues of which nothing is taken. */
const paused = "CREATE TABLE paused (queue TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;";

const endedIndex = `CREATE INDEX tasks_ended ON tasks (state, queue) WHERE ${ended};`;

const uniqueIndex = `CREATE INDEX tasks_unique ON tasks (task, unique_key, unique_until) WHERE ${mayHoldKey};`;

/** What makes a file of a version one of the next, by the version that it has. */
const migrations: Readonly<Record<number, string>> = {
  1: `${paused} DROP INDEX tasks_ended; DROP INDEX tasks_unique; ${endedIndex} ${uniqueIndex}`,
};

/** One of the states: not as a list, for which SQLite makes a table with each statement that writes. */
const isState = ["scheduled", "waiting", "running", ...endStates]
  .map((state) => `state = '${state}'`)
  .join(" OR ");

/**
 * Every index is partial: a task is in few of them at a time, so that a claim costs the same with a thousand
 * tasks waiting, scheduled or ended as with a million. Those of the states begin with the queue or the state, so
 * that they also answer how many there are of what, without touching a row.
 *
 * In `tasks`, what may be large comes last: what comes before is read without it.
 */
const schema = `
CREATE TABLE tasks (
  sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  task          TEXT NOT NULL,
  queue         TEXT NOT NULL,
  lane          TEXT NOT NULL DEFAULT '',
  priority      INTEGER NOT NULL DEFAULT 0,
  state         TEXT NOT NULL CHECK (${isState}),
  sent_at       INTEGER NOT NULL,
  run_at        INTEGER NOT NULL,
  attempts      INTEGER NOT NULL DEFAULT 0,
  crashes       INTEGER NOT NULL DEFAULT 0,
  deferrals     INTEGER NOT NULL DEFAULT 0,
  deferred_at   INTEGER,
  lease_token   TEXT,
  lease_until   INTEGER,
  worker        TEXT,
  started_at    INTEGER,
  ended_at      INTEGER,
  remove_at     INTEGER,
  unique_key    TEXT,
  unique_until  INTEGER,
  cancel_reason TEXT,
  progress      TEXT,
  needs         TEXT,
  headers       TEXT NOT NULL,
  reason        TEXT,
  payload       TEXT NOT NULL,
  result        TEXT
) STRICT;
CREATE INDEX tasks_waiting       ON tasks (queue, lane, priority DESC, run_at) WHERE state = 'waiting';
CREATE INDEX tasks_waiting_lanes ON tasks (lane, queue)        WHERE state = 'waiting' AND lane <> '';
CREATE INDEX tasks_scheduled     ON tasks (queue, run_at)      WHERE state = 'scheduled';
CREATE INDEX tasks_running       ON tasks (queue, lease_until) WHERE state = 'running';
CREATE INDEX tasks_running_lanes ON tasks (lane, lease_until)  WHERE state = 'running' AND lane <> '';
CREATE INDEX tasks_cancelled     ON tasks (worker)    WHERE state = 'running' AND cancel_reason IS NOT NULL;
CREATE INDEX tasks_left          ON tasks (queue, needs)       WHERE ${left};
${endedIndex}
CREATE INDEX tasks_removable     ON tasks (remove_at)          WHERE remove_at IS NOT NULL;
${uniqueIndex}

-- Ids of duplicates, and who answers for them.
CREATE TABLE aliases (
  id     TEXT PRIMARY KEY,
  holder INTEGER NOT NULL REFERENCES tasks (sequence) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_holder ON aliases (holder);

-- When tasks of lanes with a rate were started, and until when that counts.
CREATE TABLE starts (
  lane          TEXT NOT NULL,
  at            INTEGER NOT NULL,
  counted_until INTEGER NOT NULL,
  count         INTEGER NOT NULL,
  PRIMARY KEY (lane, at)
) STRICT, WITHOUT ROWID;

-- What handlers logged.
CREATE TABLE logs (
  task   INTEGER NOT NULL REFERENCES tasks (sequence) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  text   TEXT NOT NULL,
  PRIMARY KEY (task, number)
) STRICT, WITHOUT ROWID;

${paused}
`;

/**
 * Whose file it is: ours, ours of an older version, nobody's yet, or (by an error) somebody else's. Changes nothing.
 */
export function recognise(database: DatabaseSync, path: string, place: Place): "ours" | "older" | "empty" {
  const version = place.version(database, path);
  if (version === 0) return "empty";
  if (version === schemaVersion) return "ours";
  if (version in migrations) return "older";
  throw new PetioleError(
    "ERR_ENGINE_FILE_INVALID",
    `SQLite engine: ${path} was written by another version of Petiole (its schema is ${version}, this version ` +
      `knows ${schemaVersion}). Use the version that wrote it, or a new one everywhere.`,
  );
}

/**
 * Creates the tables, or brings those of an older version up to this one, unless another process has done so
 * meanwhile. The caller holds the write lock.
 */
export function createTables(database: DatabaseSync, path: string, place: Place): void {
  const state = recognise(database, path, place);
  if (state === "empty") database.exec(schema + place.mark(schemaVersion));
  if (state !== "older") return;
  for (let version = place.version(database, path); version < schemaVersion; version += 1) {
    database.exec(`${migrations[version] ?? ""} ${place.mark(version + 1)}`);
  }
}
