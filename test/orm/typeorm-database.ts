/** TypeORM on the contract's tables: entities, and fresh databases of SQLite and PostgreSQL. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AbstractLogger,
  DataSource,
  type DataSourceOptions,
  type EntityManager,
  EntitySchema,
  type EntitySchemaColumnOptions,
} from "typeorm";
import { describePostgres } from "../services/describe-postgres.ts";
import { postgresTables, sqliteTables } from "./contract-tables.ts";

export class Comment {
  declare id: number;
  declare body: string;
}
export class Tag {
  declare name: string;
  declare body: string;
}
export class Membership {
  declare userId: number;
  declare groupName: string;
  declare body: string;
}
export class Author {
  declare id: number;
  declare name: string;
  declare posts: Post[];
}
export class Post {
  declare id: number;
  declare title: string;
  declare authorId: number | null;
  declare author: Author | null;
  declare revision: number;
  declare deletedAt: Date | null;
}
export class Sample {
  declare id: number;
  declare big: bigint | null;
  declare price: string | null;
  declare bytes: Uint8Array | null;
  declare data: unknown;
  declare at: Date | null;
}

export const targets = {
  "qa.Comment": Comment,
  "qa.Tag": Tag,
  "qa.Membership": Membership,
  "qa.Author": Author,
  "qa.Post": Post,
  "qa.Sample": Sample,
};

/** The entities, in the types of the database. */
export function entitiesFor(database: "sqlite" | "postgres"): EntitySchema<object>[] {
  const isSqlite = database === "sqlite";
  const integer: EntitySchemaColumnOptions = isSqlite
    ? { type: "integer", transformer: small }
    : { type: "integer" };
  const id = { ...integer, primary: true };
  const text = { type: "text" } as const;
  const time: EntitySchemaColumnOptions = { type: isSqlite ? "datetime" : "timestamptz", nullable: true };
  return [
    new EntitySchema<Comment>({
      name: "Comment",
      target: Comment,
      tableName: "comments",
      columns: { id: { ...id, name: "comment_id" }, body: { ...text, name: "comment_body" } },
    }),
    new EntitySchema<Tag>({
      name: "Tag",
      target: Tag,
      tableName: "tags",
      columns: { name: { ...text, primary: true, name: "tag_name" }, body: text },
    }),
    new EntitySchema<Membership>({
      name: "Membership",
      target: Membership,
      tableName: "memberships",
      columns: {
        userId: { ...id, name: "user_id" },
        groupName: { ...text, primary: true, name: "group_name" },
        body: text,
      },
    }),
    new EntitySchema<Author>({
      name: "Author",
      target: Author,
      tableName: "authors",
      columns: { id, name: text },
      relations: { posts: { type: "one-to-many", target: "Post", inverseSide: "author" } },
    }),
    new EntitySchema<Post>({
      name: "Post",
      target: Post,
      tableName: "posts",
      columns: {
        id,
        title: text,
        authorId: { ...integer, name: "author_id", nullable: true },
        revision: { ...integer, version: true },
        deletedAt: { ...time, name: "deleted_at", deleteDate: true },
      },
      relations: {
        author: {
          type: "many-to-one",
          target: "Author",
          inverseSide: "posts",
          joinColumn: { name: "author_id" },
        },
      },
    }),
    new EntitySchema<Sample>({
      name: "Sample",
      target: Sample,
      tableName: "samples",
      columns: {
        id,
        big: {
          name: "big_number",
          nullable: true,
          ...(isSqlite ? { type: "integer" } : { type: "bigint", transformer: wide }),
        },
        price: { ...(isSqlite ? text : { type: "numeric", precision: 20, scale: 4 }), nullable: true },
        bytes: { type: isSqlite ? "blob" : "bytea", nullable: true },
        data: { type: isSqlite ? "simple-json" : "jsonb", nullable: true },
        at: time,
      },
    }),
  ];
}

/** With `defaultSafeIntegers`, better-sqlite3 gives every integer as a bigint. */
const small = {
  to: (value: unknown) => value,
  from: (value: unknown) => (typeof value === "bigint" ? Number(value) : value),
};
/** The driver for PostgreSQL gives a bigint as a text. */
const wide = {
  to: (value: unknown) => value,
  from: (value: unknown) => (typeof value === "string" ? BigInt(value) : value),
};

/** A DataSource of its own, to be closed. */
export interface TestDatabase {
  readonly dataSource: DataSource;
  countQueries(): number;
  close(): Promise<void>;
}

/** What a test may set. */
export interface TestSettings {
  readonly entities?: readonly (EntitySchema<never> | EntitySchema<object>)[];
  /** SQL that makes the tables. */
  readonly tables?: string;
  readonly options?: Partial<DataSourceOptions>;
}

/** In a file, for databases in memory hide mistakes. */
export async function openSqlite(settings: TestSettings = {}): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-typeorm-"));
  const database = await open(
    {
      type: "better-sqlite3",
      database: join(folder, "test.db"),
      prepareDatabase: (connection: { defaultSafeIntegers(): void }) => connection.defaultSafeIntegers(),
    },
    { entities: entitiesFor("sqlite"), tables: sqliteTables, ...settings },
  );
  return {
    ...database,
    close: async () => {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Opens a fresh database of a PostgreSQL that has a replica, which is the same database. */
export type OpenPostgres = (settings?: TestSettings) => Promise<TestDatabase>;

/** Defines tests that need a PostgreSQL. */
export function describeOnPg(define: (openPostgres: OpenPostgres) => void): void {
  describePostgres("on pg", (createDatabase) =>
    define(async (settings = {}) => {
      const url = await createDatabase();
      return open(
        { type: "postgres", replication: { master: { url }, slaves: [{ url }] } },
        { entities: entitiesFor("postgres"), tables: postgresTables, ...settings },
      );
    }),
  );
}

async function open(connection: object, { entities, tables, options }: TestSettings): Promise<TestDatabase> {
  const logger = new CountingLogger();
  const all = { ...connection, logger, entities, ...options } as DataSourceOptions;
  const dataSource = await new DataSource(all).initialize();
  for (const statement of (tables ?? "").split(";")) {
    if (statement.trim() !== "") await dataSource.query(statement);
  }
  return {
    dataSource,
    countQueries: () => logger.queries,
    close: async () => {
      if (dataSource.isInitialized) await dataSource.destroy();
    },
  };
}

class CountingLogger extends AbstractLogger {
  queries = 0;

  override logQuery(): void {
    this.queries += 1;
  }

  override logQueryError(): void {}

  protected override writeLog(): void {}
}

/** The entity manager of a handle. */
export function managerFor(handle: unknown): EntityManager {
  return (handle as Partial<DataSource>).manager ?? (handle as EntityManager);
}
