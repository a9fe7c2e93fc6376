/** The entities of `ormContract`'s models for MikroORM, and databases with their tables. */
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MikroORM as PostgresOrm, type Options as PostgresOptions } from "@mikro-orm/postgresql";
import {
  BigIntType,
  type Collection,
  type EntityManager,
  MikroORM as SqliteOrm,
  type Options as SqliteOptions,
  defineEntity,
  p,
} from "@mikro-orm/sqlite";
import { Client } from "pg";
import type { OrmObserver, SaveEvent, TransactionBegun } from "../../src/model/observer.ts";
import { postgresTables, sqliteTables } from "./contract-tables.ts";

export class Comment {
  id!: number;
  body!: string;
}

export class Tag {
  name!: string;
  body!: string;
}

export class Membership {
  userId!: number;
  groupName!: string;
  body!: string;
}

export class Author {
  id!: number;
  name!: string;
  posts!: Collection<Post>;
}

export class Post {
  id!: number;
  title!: string;
  author!: Author | null;
  revision!: number;
  deletedAt!: Date | null;
}

export class Sample {
  id!: number;
  big!: bigint | null;
  price!: string | null;
  bytes!: Uint8Array | null;
  data!: unknown;
  at!: Date | null;
}

/** SQLite's driver gives integers as numbers, which lose digits; as text they do not. */
export class ExactBigInt extends BigIntType<"bigint"> {
  constructor() {
    super("bigint");
  }

  override convertToJSValueSQL(key: string): string {
    return `cast(${key} as text)`;
  }
}

export const targets = {
  "qa.Comment": Comment,
  "qa.Tag": Tag,
  "qa.Membership": Membership,
  "qa.Author": Author,
  "qa.Post": Post,
  "qa.Sample": Sample,
};

const CommentSchema = defineEntity({
  class: Comment,
  tableName: "comments",
  properties: {
    id: p.integer().primary().fieldName("comment_id"),
    body: p.text().fieldName("comment_body"),
  },
});

const TagSchema = defineEntity({
  class: Tag,
  tableName: "tags",
  properties: { name: p.text().primary().fieldName("tag_name"), body: p.text() },
});

const MembershipSchema = defineEntity({
  class: Membership,
  tableName: "memberships",
  properties: { userId: p.integer().primary(), groupName: p.text().primary(), body: p.text() },
});

const AuthorSchema = defineEntity({
  class: Author,
  tableName: "authors",
  properties: {
    id: p.integer().primary(),
    name: p.text(),
    posts: () => p.oneToMany(Post).mappedBy("author"),
  },
});

const PostSchema = defineEntity({
  class: Post,
  tableName: "posts",
  properties: {
    id: p.integer().primary(),
    title: p.text(),
    author: () => p.manyToOne(Author).nullable(),
    revision: p.integer().version(),
    deletedAt: p.datetime().nullable(),
  },
  filters: { present: { name: "present", cond: { deletedAt: null }, default: true } },
});

const SampleSchema = defineEntity({
  class: Sample,
  tableName: "samples",
  properties: {
    id: p.integer().primary(),
    big: p.type(ExactBigInt).fieldName("big_number").nullable(),
    price: p.decimal("string").precision(20).scale(4).nullable(),
    bytes: p.uint8array().nullable(),
    data: p.json().nullable(),
    at: p.datetime(3).nullable(),
  },
});

export const entities = [CommentSchema, TagSchema, MembershipSchema, AuthorSchema, PostSchema, SampleSchema];

/** What the tests use of an ORM, whichever driver it is of. */
export type TestOrm = SqliteOrm | PostgresOrm;

/** A database of its own. */
export interface TestDatabase<Orm extends TestOrm = TestOrm> {
  readonly orm: Orm;
  /** Makes the database unreachable. */
  break(): Promise<void>;
  close(): Promise<void>;
}

/** A SQLite database in a file. Without `sql`, it has the contract's tables. */
export async function openSqlite(
  options: Partial<SqliteOptions> = {},
  sql: string = sqliteTables,
): Promise<TestDatabase<SqliteOrm>> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-mikro-orm-"));
  const orm = await SqliteOrm.init({ entities, dbName: join(folder, "test.db"), ...options });
  await orm.em.getConnection().executeDump(sql);
  const remove = async (): Promise<void> => {
    await orm.close(true);
    await rm(folder, { recursive: true, force: true });
  };
  return { orm, break: remove, close: remove };
}

/** The same for a PostgreSQL database with this URL. */
export async function openPostgres(
  url: string,
  options: Partial<PostgresOptions> = {},
  sql: string = postgresTables,
): Promise<TestDatabase<PostgresOrm>> {
  // The replica is the same database by another pool.
  const replicas = [{ name: "replica" }];
  const orm = await PostgresOrm.init({ entities, clientUrl: url, replicas, ...options });
  await orm.em.getConnection().executeDump(sql);
  return {
    orm,
    async break() {
      await orm.close(true);
      const { pathname, href } = new URL(url);
      const server = new URL(href);
      server.pathname = "/postgres";
      const client = new Client({ connectionString: server.href });
      await client.connect();
      // It waits for connections that are about to close; with (force) they would end with an error that nobody handles.
      await client.query(`drop database ${pathname.slice(1)}`);
      await client.end();
    },
    close: () => orm.close(true),
  };
}

/** The entity manager of a handle: an ORM has one, anything else is one. */
export function managerOf(handle: unknown): EntityManager {
  return (handle instanceof SqliteOrm || handle instanceof PostgresOrm ? handle.em : handle) as EntityManager;
}

/** What an adapter told: `begun 1`, `begun 2 in 1`, `insert qa.Comment 7 in 2`, `committed 2`, `rolled back 1`. */
export class Told implements OrmObserver {
  readonly log: string[] = [];
  readonly begins: TransactionBegun[] = [];
  readonly saves: SaveEvent[] = [];
  readonly #inside = new AsyncLocalStorage<object>();
  /** Called at each commit: what it throws is to reach the caller of the transaction. */
  onCommit: () => Promise<void> = async () => {};
  /** Called at each save: what it throws is to reach the one who saves. */
  onSave: () => Promise<void> = async () => {};

  /** The number of a transaction; 0 for none. */
  numberOf(transaction: object | undefined): number {
    return this.begins.findIndex((begun) => begun.transaction === transaction) + 1;
  }

  /** The number of the transaction that this is called inside of. */
  get inner(): number {
    return this.numberOf(this.#inside.getStore());
  }

  begun(begun: TransactionBegun): void {
    this.begins.push(begun);
    this.log.push(
      `begun ${this.begins.length}${begun.parent === undefined ? "" : ` in ${this.numberOf(begun.parent)}`}`,
    );
  }

  inside<Result>(transaction: object, run: () => Result): Result {
    return this.#inside.run(transaction, run);
  }

  async committed(transaction: object): Promise<void> {
    this.log.push(`committed ${this.numberOf(transaction)}`);
    await this.onCommit();
  }

  rolledBack(transaction: object): void {
    this.log.push(`rolled back ${this.numberOf(transaction)}`);
  }

  async saved(event: SaveEvent): Promise<void> {
    const { operation, model, key, transaction } = event;
    this.saves.push(event);
    this.log.push(`${operation} ${model} ${JSON.stringify(key)} in ${this.numberOf(transaction)}`);
    await this.onSave();
  }
}
