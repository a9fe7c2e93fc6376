/**
 * The tables of `ormContract`'s models, for SQLite and PostgreSQL. Columns are named differently from the attributes
 * on purpose.
 */
const shared = `
  create table comments (comment_id integer primary key, comment_body text not null);
  create table memberships (user_id integer, group_name text, body text not null, primary key (user_id, group_name));
  create table authors (id integer primary key, name text not null);
`;

/** SQL, statements separated by `;`, for SQLite. */
export const sqliteTables = `${shared}
  create table tags (tag_name text primary key, body text not null);
  create table posts (
    id integer primary key, title text not null, author_id integer references authors (id),
    revision integer not null default 1, deleted_at integer
  );
  create table samples (id integer primary key, big_number integer, price text, bytes blob, data text, at integer);
`;

/** The same for PostgreSQL. Its names are compared byte by byte, as the contract wants it. */
export const postgresTables = `${shared}
  create table tags (tag_name text collate "C" primary key, body text not null);
  create table posts (
    id integer primary key, title text not null, author_id integer references authors (id),
    revision integer not null default 1, deleted_at timestamptz
  );
  create table samples (
    id integer primary key, big_number bigint, price numeric(20, 4), bytes bytea, data jsonb, at timestamptz
  );
`;
