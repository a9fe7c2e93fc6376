/** The bytes of snapshots, beside those of the rows as JSON. @module */
import { drizzle as libsql } from "drizzle-orm/libsql";
import * as sqlite from "drizzle-orm/sqlite-core";
import { snapshot, storedRows } from "petiole/model";
import { drizzle } from "petiole/orm/drizzle";
import { createWire } from "petiole/wire";
import type { Row } from "../row.ts";
import { randomNumbers } from "../wire/random.ts";

/** The most of the bytes of JSON that is asked for. */
const bar = 0.7;

const articles = sqlite.sqliteTable("articles", {
  id: sqlite.integer().primaryKey(),
  uuid: sqlite.text().notNull(),
  title: sqlite.text().notNull(),
  body: sqlite.text().notNull(),
  createdAt: sqlite.integer({ mode: "timestamp_ms" }).notNull(),
  updatedAt: sqlite.integer({ mode: "timestamp_ms" }).notNull(),
  views: sqlite.blob({ mode: "bigint" }).notNull(),
  price: sqlite.text().notNull(),
  isPublished: sqlite.integer({ mode: "boolean" }).notNull(),
  deletedAt: sqlite.integer({ mode: "timestamp_ms" }),
});

const random = randomNumbers();
const words =
  "a row that was read is sent as it is now and nothing that comes later changes what arrives".split(" ");

/** Words until there are so many characters. */
function someText(length: number): string {
  let text = "";
  while (text.length < length) text += `${words[random(words.length)]!} `;
  return text.trimEnd();
}

function hex(digits: number): string {
  return Array.from({ length: digits }, () => random(16).toString(16)).join("");
}

function someArticle(at: number): typeof articles.$inferSelect {
  const createdAt = Date.UTC(2026, 0, 1) + random(10_000_000) * 1000 + random(1000);
  return {
    id: 50_000 + at,
    uuid: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
    title: someText(20),
    body: someText(80),
    createdAt: new Date(createdAt),
    updatedAt: new Date(createdAt + random(1_000_000_000)),
    views: BigInt(random(1_000_000_000)),
    price: `${random(1000)}.${String(random(100)).padStart(2, "0")}`,
    isPublished: random(3) > 0,
    deletedAt: null,
  };
}

/** JSON has no bigints: their digits are its shortest text for them. These are exact as numbers. */
function digits(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

/** 1,000 snapshots, beside `JSON.stringify` of their rows. */
export function measureSnapshots(): Row {
  const client = libsql(":memory:");
  drizzle(client, { "qa.Article": articles });
  const rows = Array.from({ length: 1000 }, (_, at) => someArticle(at));
  const text = createWire({ values: [storedRows()] }).encode(rows.map((row) => snapshot(articles, row)));
  client.$client.close();
  const [ours, theirs] = [text, JSON.stringify(rows, digits)].map((each) => Buffer.byteLength(each)) as [
    number,
    number,
  ];
  return {
    case: "1,000 snapshots",
    metric: "bytes",
    ours,
    peer: `JSON (node ${process.versions.node})`,
    theirs,
    unit: "bytes",
    ratio: ours / theirs,
    bar,
    lowerIsBetter: true,
  };
}
