/**
 * The outbox: a table in the user's own database, where what is enqueued in a transaction is written by that
 * transaction, and is kept until a relay has sent it.
 *
 * @module
 */
import type { Outgoing } from "../engine.ts";
import { PetioleError, describe, wordsOf } from "../errors.ts";
import type { OrmAdapter, OrmSql, SqlDialect, Within } from "../model/adapter.ts";
import { chunked } from "../model/key-chunks.ts";
import { isRecord } from "../wire/tag.ts";

/** What a transaction has left. */
export interface Waiting {
  readonly id: string;
  /** Undefined when the row cannot be read as one. */
  readonly outgoing: Outgoing | undefined;
}

/** A relay's claim. */
export interface Claim {
  /** The relay's own name. */
  readonly relay: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Epoch milliseconds: when others may take what this one has not sent. */
  readonly until: number;
  readonly limit: number;
}

/** So many rows are inserted or deleted by a statement. */
const chunk = 200;

/** The outbox of an app, in each of its databases. */
export class Outbox {
  readonly table: string;

  /**
   * @param table - its name, perhaps with a schema before it
   * @throws PetioleError `ERR_OPTION_INVALID`
   */
  constructor(table: string) {
    this.table = checkedTable(table);
  }

  /**
   * Writes messages in a transaction.
   *
   * @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED` where the adapter has no SQL, and what the database throws
   */
  async insert(adapter: OrmAdapter, batch: readonly Outgoing[], transaction: object): Promise<void> {
    const sql = sqlOf(adapter);
    for (const part of chunked(batch, chunk)) {
      const rows = part.map((_, index) => `(${mark(sql, index * 2)}, ${mark(sql, index * 2 + 1)})`);
      const values = part.flatMap((outgoing) => [outgoing.message.id, JSON.stringify(outgoing)]);
      // What is there is the same: its id is its own.
      const otherwise =
        sql.dialect === "mysql" ? "on duplicate key update id = id" : "on conflict do nothing";
      const statement = `insert into ${this.table} (id, outgoing) values ${rows.join(", ")} ${otherwise}`;
      await sql.query(statement, values, { transaction }).catch((cause: unknown) => {
        throw isWithoutTable(cause) ? this.#missing(adapter, cause) : cause;
      });
    }
  }

  #missing({ name }: OrmAdapter, cause: unknown): PetioleError {
    return new PetioleError(
      "ERR_TRANSACTION_UNSUPPORTED",
      `${name}: the database of this transaction has no table ${this.table}, which is its outbox. Nothing was sent. Run ` +
        "what `petiole outbox sql` prints, in a migration.",
      { cause },
    );
  }

  /** The oldest that wait, in the order in which they were written. */
  async oldest(adapter: OrmAdapter, limit: number, within: Within): Promise<readonly Waiting[]> {
    const rows = await sqlOf(adapter).query(
      `select id, outgoing from ${this.table} where error is null order by sequence limit ${limit}`,
      [],
      within,
    );
    return rows.map(({ id, outgoing }) => ({ id: String(id), outgoing: parse(outgoing) }));
  }

  /**
   * The oldest that wait, for one relay alone: those before the first that another has claimed. The claim is on the first
   * of them, and until `until`; whoever comes meanwhile finds it, or sends what has come before it.
   *
   * @returns undefined while another has the first of all
   */
  async claim(
    adapter: OrmAdapter,
    { relay, now, until, limit }: Claim,
    within: Within,
  ): Promise<readonly Waiting[] | undefined> {
    const sql = sqlOf(adapter);
    const read = (most: number): Promise<readonly Readonly<Record<string, unknown>>[]> =>
      sql.query(
        `select id, outgoing, claimed_by, claimed_until from ${this.table} where error is null ` +
          `order by sequence limit ${most}`,
        [],
        within,
      );
    const [first] = await read(1);
    if (first === undefined) return [];
    await sql.query(
      `update ${this.table} set claimed_by = ${mark(sql, 0)}, claimed_until = ${mark(sql, 1)} where id = ${mark(sql, 2)} ` +
        `and (claimed_until is null or claimed_until < ${mark(sql, 3)} or claimed_by = ${mark(sql, 4)})`,
      [relay, until, String(first["id"]), now, relay],
      within,
    );
    const rows = await read(limit);
    const isOthers = (row: Readonly<Record<string, unknown>>): boolean =>
      row["claimed_by"] !== null && row["claimed_by"] !== relay && Number(row["claimed_until"]) >= now;
    const end = rows.findIndex(isOthers);
    const free = end === -1 ? rows : rows.slice(0, end);
    // What has come before the claimed one since is claimed the next time.
    const isClaimed = free.length > 0 && free[0]!["claimed_by"] === relay;
    if (rows.length > 0 && !isClaimed) return undefined;
    return free.map(({ id, outgoing }) => ({ id: String(id), outgoing: parse(outgoing) }));
  }

  /** Removes what was sent, or is not to be. */
  async remove(adapter: OrmAdapter, ids: readonly string[], within: Within = {}): Promise<void> {
    const sql = sqlOf(adapter);
    // Of several MySQL may look through the whole table for them, locks what it comes by, and waits for whoever has written
    // to it and has not committed: one by one it looks each up.
    for (const part of chunked(ids, sql.dialect === "mysql" ? 1 : chunk)) {
      const marks = part.map((_, index) => mark(sql, index));
      await sql.query(`delete from ${this.table} where id in (${marks.join(", ")})`, [...part], within);
    }
  }

  /** Sets one aside that cannot be sent, for a person to look at. */
  async setAside(adapter: OrmAdapter, id: string, error: string, within: Within): Promise<void> {
    const sql = sqlOf(adapter);
    // PostgreSQL cannot hold this character.
    const text = error.replaceAll("\0", "");
    const statement = `update ${this.table} set error = ${mark(sql, 0)} where id = ${mark(sql, 1)}`;
    await sql.query(statement, [text, id], within);
  }
}

/** The statement that makes the table. */
export function outboxTable(dialect: SqlDialect, table = "petiole_outbox"): string {
  const [sequence, id, text, until, time] = {
    sqlite: ["integer primary key autoincrement", "text", "text", "integer", "text"],
    postgres: ["bigint generated always as identity primary key", "text", "text", "bigint", "timestamptz"],
    mysql: ["bigint auto_increment primary key", "varchar(100)", "longtext", "bigint", "timestamp"],
  }[dialect] as [string, string, string, string, string];
  return [
    `create table ${checkedTable(table)} (`,
    `  sequence ${sequence},`,
    `  id ${id} not null unique,`,
    `  outgoing ${text} not null,`,
    "  error text,",
    `  claimed_by ${id},`,
    `  claimed_until ${until},`,
    `  created_at ${time} not null default current_timestamp`,
    // A MySQL database may have a character set that cannot hold all text, and compares ids without case unless told.
    dialect === "mysql" ? ") character set utf8mb4 collate utf8mb4_bin;" : ");",
  ].join("\n");
}

function checkedTable(table: unknown): string {
  if (typeof table === "string" && /^([a-z_]\w*\.)?[a-z_]\w*$/i.test(table)) return table;
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `The outbox must be the name of a table, perhaps with a schema: "petiole_outbox"; received ${describe(table)}.`,
  );
}

function sqlOf({ name, sql, capabilities }: OrmAdapter): OrmSql {
  if (sql) return sql;
  throw new PetioleError(
    "ERR_TRANSACTION_UNSUPPORTED",
    `${name} can have no outbox: ${capabilities.lacks.sql ?? "it has no SQL"}. Use transactions: "buffered" instead.`,
  );
}

/** What SQLite, PostgreSQL and MySQL say of a table that is not there; an ORM may have it as the cause of its own error. */
function isWithoutTable(error: unknown): boolean {
  return /no such table|relation \S+ does not exist|42P01|Table \S+ doesn't exist/.test(wordsOf(error));
}

function mark({ dialect }: OrmSql, index: number): string {
  return dialect === "postgres" ? `$${index + 1}` : "?";
}

/** Other programs may write to the table: what an engine might stumble over, again and again, is no message. */
function parse(text: unknown): Outgoing | undefined {
  try {
    const outgoing: unknown = JSON.parse(String(text));
    return isOutgoing(outgoing) ? outgoing : undefined;
  } catch {
    return undefined;
  }
}

function isOutgoing(value: unknown): value is Outgoing {
  if (!isRecord(value) || !isRecord(value["message"])) return false;
  const { message, runAt, priority, lane, unique } = value;
  const { id, task, queue, payload, headers } = message;
  return (
    [id, task, queue, payload].every((part) => typeof part === "string") &&
    isRecord(headers) &&
    typeof runAt === "number" &&
    (priority === undefined || Number.isSafeInteger(priority)) &&
    (lane === undefined || typeof lane === "string") &&
    (unique === undefined || isUniqueKey(unique))
  );
}

function isUniqueKey(value: unknown): boolean {
  if (!isRecord(value) || typeof value["key"] !== "string") return false;
  const { until, follow } = value;
  return (
    (until === undefined || typeof until === "number") &&
    (follow === undefined || typeof follow === "boolean")
  );
}
