/** Rows as the contract's cases put them in and look at them. */
import assert from "node:assert/strict";
import type { LoadOptions } from "../../model/adapter.ts";
import type { Key } from "../../model/ref.ts";
import { type ContractModelName, type OrmContractHarness, bodyOf } from "./harness.ts";

/** Inserts comments with these ids, a few hundred in a statement. */
export async function insertComments(
  { handle, insert }: OrmContractHarness,
  ids: readonly number[],
): Promise<void> {
  for (let start = 0; start < ids.length; start += 250) {
    const rows = ids.slice(start, start + 250).map((id) => ({ id, body: `comment ${id}` }));
    await insert(handle, "qa.Comment", rows);
  }
}

/** Inserts so many authors and a post of each, with the same ids from 1; and a post of nobody, with the next id. */
export async function insertPosts({ handle, insert }: OrmContractHarness, count: number): Promise<number[]> {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  await insert(
    handle,
    "qa.Author",
    ids.map((id) => ({ id, name: `author ${id}` })),
  );
  const posts = ids.map((id) => ({ id, title: `post ${id}`, authorId: id }));
  await insert(handle, "qa.Post", [...posts, { id: count + 1, title: "of nobody", authorId: null }]);
  return [...ids, count + 1];
}

/** The bodies of what load() gives, sorted: it may give the rows in any order. */
export async function bodies(
  { adapter }: OrmContractHarness,
  model: ContractModelName,
  keys: readonly Key[],
  options?: LoadOptions,
): Promise<readonly string[]> {
  const rows = await adapter.load(model, keys, options);
  return rows.map((row) => String(bodyOf(row))).sort();
}

/** The row with this key, which must be there. */
export async function loadOne(
  { adapter }: OrmContractHarness,
  model: ContractModelName,
  key: Key,
  options?: LoadOptions,
): Promise<object> {
  const [row, ...others] = await adapter.load(model, [key], options);
  assert.ok(row !== undefined, `${model} ${String(key)} was to be there`);
  assert.equal(others.length, 0);
  return row;
}

/** Which of the comments 1 to 9 there are; asked outside of any transaction, unless told. */
export async function presentIds(
  { adapter }: OrmContractHarness,
  options?: LoadOptions,
): Promise<readonly number[]> {
  const rows = await adapter.load("qa.Comment", [1, 2, 3, 4, 5, 6, 7, 8, 9], options);
  return rows.map((row) => Number(adapter.keyOf("qa.Comment", row))).sort((a, b) => a - b);
}

/** The foreign key of a post's author, under the one attribute that it is told by. */
export function foreignKeyOf(fields: Readonly<Record<string, unknown>>): {
  readonly attribute: string;
  readonly value: unknown;
} {
  const attributes = ["authorId", "author"].filter((attribute) => attribute in fields);
  assert.equal(
    attributes.length,
    1,
    `one attribute was to tell the author, of ${Object.keys(fields).join()}`,
  );
  const [attribute = ""] = attributes;
  return { attribute, value: fields[attribute] };
}
