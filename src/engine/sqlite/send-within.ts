/**
 * Sending as part of a transaction of the user's, through the user's own connection to the file. The rows are those that
 * {@link Sending} writes.
 *
 * @module
 */
import type { Outgoing, TransactionSql } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import { Changes } from "./committer.ts";
import { realPath } from "./connection.ts";
import { libraryMark, selectLibraryMark } from "./library.ts";
import { prefixed, selectMark, selectVersion } from "./place.ts";
import { mayHoldKey, schemaVersion } from "./schema.ts";
import { insertedColumns, rowOf, tell } from "./sending.ts";
import { fromColumn, toColumn } from "../shared/text.ts";

type Parameter = string | number | null;

/** So many rows are inserted by a statement. */
const chunk = 200;

/**
 * Refuses a transaction that is not of this file, or is through another copy of the SQLite library.
 *
 * @param path - the engine's file, absolute, with links resolved
 */
export async function refuseElsewhere(sql: TransactionSql, path: string): Promise<void> {
  if (sql.dialect !== "sqlite") throw elsewhere(path, `it is in a ${sql.dialect} database`);
  // Made by asking for it.
  const ours = libraryMark();
  // By their places: some connections give rows without names.
  const [file, mark] = await first(
    sql,
    `SELECT file, (${selectLibraryMark}) AS mark FROM pragma_database_list WHERE name = 'main'`,
  );
  if (typeof file !== "string" || file === "") throw elsewhere(path, "it is in a database in memory");
  if (realPath(file) !== path) throw elsewhere(path, `it is in ${file}`);
  if (Number(mark) === ours) return;
  throw new PetioleError(
    "ERR_ENGINE_FILE_SHARED",
    `SQLite engine: this transaction is in ${path}, but through another SQLite library than node:sqlite. Two copies of ` +
      "SQLite in one process cancel each other's file locks, and committed rows vanish. Nothing was sent. Open your " +
      'database with node:sqlite, or give the engine a file of its own and the app transactions: "outbox".',
  );
}

/**
 * Refuses a file that has no tables of the engine's yet. They cannot be made now: that would wait for the transaction
 * that waits for it.
 */
export async function refuseUnprepared(sql: TransactionSql, path: string): Promise<void> {
  const isThere = (await first(sql, selectMark)).length > 0;
  if (isThere && Number((await first(sql, selectVersion))[0]) === schemaVersion) return;
  throw new PetioleError(
    "ERR_TRANSACTION_UNSUPPORTED",
    `SQLite engine: its tables are not in ${path} yet, or are those of an older version, and cannot be made while this ` +
      "transaction is open. Nothing was sent. When your program starts, await app.engine.open(); or begin with " +
      "app.transaction(), which does.",
  );
}

/** What a send through a transaction has come to. */
export interface Written {
  readonly ids: readonly string[];
  /** To be told once it is committed. */
  readonly changes: Changes;
}

/** Sends. See {@link Engine.sendWithin}. */
export async function sendWithin(batch: readonly Outgoing[], sql: TransactionSql): Promise<Written> {
  const now = Date.now();
  const changes = new Changes();
  const ids: string[] = [];
  for (let rest = batch; rest.length > 0; rest = batch.slice(ids.length)) {
    const keyed = rest.findIndex(({ unique }) => unique !== undefined);
    const plain = rest.slice(0, Math.min(chunk, keyed === -1 ? rest.length : keyed));
    if (plain.length === 0) {
      ids.push(await sendUnique(rest[0]!, now, changes, sql));
      continue;
    }
    await insert(plain, now, sql);
    for (const outgoing of plain) tell(outgoing, now, changes);
    ids.push(...plain.map(({ message }) => message.id));
  }
  return { ids, changes };
}

/** Takes back what was sent in the same transaction. */
export async function withdraw(ids: readonly string[], sql: TransactionSql): Promise<void> {
  for (const id of ids) await run(sql, "DELETE FROM tasks WHERE id = ?", [toColumn(id)]);
}

async function insert(batch: readonly Outgoing[], now: number, sql: TransactionSql): Promise<void> {
  const row = `(${insertedColumns.map(() => "?").join(", ")})`;
  await run(
    sql,
    `INSERT INTO tasks (${insertedColumns.join(", ")}) VALUES ${batch.map(() => row).join(", ")}
     ON CONFLICT (id) DO NOTHING`,
    batch.flatMap((outgoing) => rowOf(outgoing, now)),
  );
}

const holding = (until: string): string =>
  `SELECT sequence, id FROM tasks INDEXED BY tasks_unique
   WHERE ${mayHoldKey} AND task = ? AND unique_key = ? AND unique_until ${until}`;

/** Who holds a key: of a task, a key, both of them again, and now. */
const holders = `${holding("IS NULL")} UNION ALL ${holding("> ?")}`;

/** The id of the task that has the key then. */
async function sendUnique(
  outgoing: Outgoing,
  now: number,
  changes: Changes,
  sql: TransactionSql,
): Promise<string> {
  const { message, unique } = outgoing;
  const id = toColumn(message.id);
  const key = [toColumn(message.task), toColumn(unique?.key ?? "")];
  const holder = [...key, ...key, now];
  const marks = insertedColumns.map(() => "?").join(", ");
  for (;;) {
    // In one statement, as another one of this transaction may run between two.
    await run(
      sql,
      `INSERT INTO tasks (${insertedColumns.join(", ")}) SELECT ${marks}
       WHERE NOT EXISTS (${holders}) AND NOT EXISTS (SELECT 1 FROM aliases WHERE id = ?)
       ON CONFLICT (id) DO NOTHING`,
      [...rowOf(outgoing, now), ...holder, id],
    );
    const [sequence, found] = await first(
      sql,
      `SELECT sequence, id FROM tasks WHERE id = ?
       UNION ALL SELECT sequence, tasks.id FROM aliases JOIN tasks ON sequence = holder WHERE aliases.id = ?
       UNION ALL ${holders} LIMIT 1`,
      [id, id, ...holder],
    );
    // Taken back meanwhile: it is free now.
    if (found === undefined) continue;
    if (found === id) tell(outgoing, now, changes);
    else if (unique?.follow === true) {
      const statement = "INSERT INTO aliases (id, holder) VALUES (?, ?) ON CONFLICT (id) DO NOTHING";
      await run(sql, statement, [id, Number(sequence)]);
    }
    return fromColumn(String(found));
  }
}

async function run(sql: TransactionSql, statement: string, parameters: readonly Parameter[]): Promise<void> {
  await sql.query(prefixed(statement), parameters);
}

/** The values of the first row; none where there is no row. */
async function first(
  sql: TransactionSql,
  statement: string,
  parameters: readonly Parameter[] = [],
): Promise<readonly unknown[]> {
  const [row] = await sql.query(prefixed(statement), parameters);
  return Object.values(row ?? {});
}

function elsewhere(path: string, where: string): PetioleError {
  return new PetioleError(
    "ERR_TRANSACTION_UNSUPPORTED",
    `SQLite engine: this transaction is not of the engine's own database, ${path}: ${where}. Nothing was sent. For ` +
      'transactions of another database, use transactions: "outbox".',
  );
}
