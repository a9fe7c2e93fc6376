import { describe, expect, test } from "vitest";
import { PetioleError } from "../errors.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import type { OrmAdapter } from "./adapter.ts";
import { loadReferences } from "./loader.ts";
import { type Key, Reference } from "./ref.ts";

const commentModel = { "qa.Comment": [{}, ["id"]] } as const;

describe("loadReferences", () => {
  test("asks each adapter once for each model, all at the same time, and for each row once", async () => {
    const asked: [string, readonly Key[]][] = [];
    const rows: Record<string, object[]> = {
      "qa.Comment": [{ id: 1 }, { id: 2 }],
      "qa.Tag": [{ name: "a" }],
    };
    let open = 0;
    let most = 0;
    const load = async (model: string, keys: readonly Key[]) => {
      asked.push([model, keys]);
      most = Math.max(most, (open += 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      open -= 1;
      return rows[model] ?? [];
    };
    const adapters = [
      stubAdapter({ ...commentModel, "qa.Tag": [{}, ["name"]] }, {}, { load }),
      stubAdapter({ "x.Membership": [{}, ["a", "b"]] }, {}, { load }),
    ];
    const references = [
      new Reference("qa.Comment", 1),
      new Reference("qa.Tag", "a"),
      new Reference("qa.Comment", 2),
      new Reference("qa.Comment", "1"),
      new Reference("qa.Comment", 1n),
      new Reference("x.Membership", { b: 2, a: 1 }),
      new Reference("x.Membership", { a: 1, b: 2 }),
    ];
    const loaded = await loadReferences(adapters, references);
    expect(most).toBe(3);
    expect(asked.map(([model, keys]) => [model, keys.length])).toEqual([
      ["qa.Comment", 2],
      ["qa.Tag", 1],
      ["x.Membership", 1],
    ]);
    expect(loaded.rowOf(new Reference("qa.Comment", "1"))).toBe(rows["qa.Comment"]?.[0]);
    expect(loaded.missing).toEqual([references[5]]);
  });

  test("nothing to load asks nobody", async () => {
    const adapter = stubAdapter(commentModel, {}, { load: () => Promise.reject(new Error("asked")) });
    const loaded = await loadReferences([adapter], []);
    expect(loaded.missing).toEqual([]);
    expect(loaded.rowOf(new Reference("qa.Comment", 1))).toBeUndefined();
  });

  test("matches rows whatever type a driver gives a key", async () => {
    const adapter = stubAdapter(commentModel, { "qa.Comment": [{ id: "7" }, { id: 8n }] });
    const loaded = await loadReferences(
      [adapter],
      [new Reference("qa.Comment", 7), new Reference("qa.Comment", 8)],
    );
    expect(loaded.missing).toEqual([]);
    expect(loaded.rowOf(new Reference("qa.Comment", 8))).toEqual({ id: 8n });
    expect(loaded.modelOf(loaded.rowOf(new Reference("qa.Comment", 7)) ?? {})).toBe("qa.Comment");
    expect(loaded.modelOf({ id: "7" })).toBeUndefined();
  });

  test("a row found under another spelling of its key is not missing", async () => {
    const stored = { id: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" };
    const adapter = stubAdapter(commentModel, {}, { load: async () => [stored, { id: "nobody asked" }] });
    const asked = new Reference("qa.Comment", stored.id.toUpperCase());
    const loaded = await loadReferences([adapter], [asked]);
    expect(loaded.rowOf(asked)).toBe(stored);
    expect(loaded.missing).toEqual([]);
  });

  test("a row found by a uuid without its hyphens is not missing", async () => {
    const stored = { id: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" };
    const adapter = stubAdapter(commentModel, {}, { load: async () => [stored, { id: "nobody asked" }] });
    const asked = new Reference("qa.Comment", stored.id.replaceAll("-", ""));
    expect((await loadReferences([adapter], [asked])).rowOf(asked)).toBe(stored);
  });

  test.each([
    ["12", "12  ", "a padded one"],
    ["2", "2.00", "a decimal"],
    ["1.5", "1.50", "a decimal with a fraction"],
  ])("a row found by %j, which its column stores as %j, %s, is not missing", async (asked, id) => {
    const adapter = stubAdapter(commentModel, {}, { load: async () => [{ id }] });
    const references = [asked, "3"].map((key) => new Reference("qa.Comment", key));
    const loaded = await loadReferences([adapter], references);
    expect(loaded.rowOf(references[0]!)).toEqual({ id });
    expect(loaded.missing).toEqual([references[1]]);
  });

  test("a single key in an object finds its row, the same object as by the bare key", async () => {
    const adapter = stubAdapter(commentModel, { "qa.Comment": [{ id: 7 }] });
    const [whole, bare] = [new Reference("qa.Comment", { id: 7 }), new Reference("qa.Comment", 7)];
    const loaded = await loadReferences([adapter], [whole, bare]);
    expect(loaded.missing).toEqual([]);
    expect(loaded.rowOf(whole)).toBe(loaded.rowOf(bare));
  });

  test("a missing row is told once for each of what it means", async () => {
    const strict = new Reference("qa.Comment", 1);
    const lenient = new Reference("qa.Comment", 1, { ifMissing: "null" });
    const { missing } = await loadReferences([stubAdapter(commentModel)], [strict, lenient, strict]);
    expect(missing).toEqual([strict, lenient]);
  });

  test("of a row and its replica the row is given, with all the relations that either asks for", async () => {
    const asked: unknown[] = [];
    const load: OrmAdapter["load"] = async (_model, _keys, options) => {
      asked.push(options?.with);
      if (options?.from !== "replica") await new Promise((resolve) => setTimeout(resolve, 5));
      return [{ id: 1, from: options?.from ?? "primary" }];
    };
    const replica = new Reference("qa.Comment", 1, { from: "replica", with: ["author"] });
    const own = new Reference("qa.Comment", 1, { with: ["tags"] });
    const loaded = await loadReferences([stubAdapter(commentModel, {}, { load })], [replica, own]);
    expect(loaded.rowOf(own)).toEqual({ id: 1, from: "primary" });
    expect(loaded.rowOf(replica)).toBe(loaded.rowOf(own));
    expect(asked).toEqual([
      ["author", "tags"],
      ["author", "tags"],
    ]);
  });

  test("a row is not another because a replica is behind: the primary's is given, if that is as it was", async () => {
    const asked: unknown[] = [];
    const load: OrmAdapter["load"] = async (_model, keys, options) => {
      const from = options?.from ?? "primary";
      asked.push([from, keys, options?.with]);
      return keys.map((id) => ({ id, version: from === "replica" ? 1 : Number(id) === 3 ? 9 : 2, from }));
    };
    const adapter = stubAdapter(commentModel, {}, { load });
    const models = adapter.models.map((model) => ({ ...model, version: "version" }));
    const versioned = { ...adapter, models };
    const of = (id: number, version: string) =>
      new Reference("qa.Comment", id, { from: "replica", with: ["author"], ifChanged: "skip", version });
    const [same, behind, changed] = [of(1, "1"), of(2, "2"), of(3, "2")];
    const loaded = await loadReferences([versioned], [same, behind, changed]);
    expect(loaded.changed).toEqual([changed]);
    expect(loaded.rowOf(same)).toMatchObject({ from: "replica" });
    expect(loaded.rowOf(behind)).toMatchObject({ version: 2, from: "primary" });
    expect(asked).toEqual([
      ["replica", [1, 2, 3], ["author"]],
      ["primary", [2, 3], ["author"]],
    ]);
  });

  test("a row of a replica is compared with PostgreSQL's own version by the primary's, not by that of another", async () => {
    const load: OrmAdapter["load"] = async (_model, keys, options) =>
      keys.map((id) => ({ id, from: options?.from ?? "primary", with: options?.with }));
    const adapter = stubAdapter(commentModel, {}, { load });
    const models = adapter.models.map((model) => ({
      ...model,
      version: "xmin",
      table: { name: "comments", columns: {} },
    }));
    const query = async () => [
      { key0: "1", version: "700" },
      { key0: "2", version: "800" },
    ];
    const postgres = { ...adapter, models, sql: { dialect: "postgres" as const, query } };
    const of = (id: number, relation: string, details: object) =>
      new Reference("qa.Comment", id, { from: "replica", with: [relation], ...details });
    const [current, outdated] = ["author", "author"].map((relation, index) =>
      of(index + 1, relation, { ifChanged: "skip", version: "700" }),
    );
    const other = of(1, "tags", {});
    const loaded = await loadReferences([postgres], [current!, outdated!, other]);
    expect(loaded.changed).toEqual([outdated]);
    expect(loaded.rowOf(current!)).toEqual({ id: 1, from: "primary", with: ["author", "tags"] });
    expect(loaded.rowOf(other)).toBe(loaded.rowOf(current!));
  });

  test("keys that differ in case alone stay apart where the database keeps them apart", async () => {
    const adapter = stubAdapter(commentModel, { "qa.Comment": [{ id: "a" }] });
    const [upper, lower] = [new Reference("qa.Comment", "A"), new Reference("qa.Comment", "a")];
    const loaded = await loadReferences([adapter], [upper, lower]);
    expect(loaded.missing).toEqual([upper]);
    expect(loaded.rowOf(lower)).toEqual({ id: "a" });
  });

  /** A database whose keys have no case, with one row. */
  function caseless(asked: (readonly Key[])[]) {
    const load: OrmAdapter["load"] = async (_model, keys) => {
      asked.push(keys);
      return keys.some((key) => String(key).toLowerCase() === "a") ? [{ id: "a" }] : [];
    };
    return stubAdapter(commentModel, {}, { load });
  }

  test("keys that the database takes for one are one row, the same object", async () => {
    const asked: (readonly Key[])[] = [];
    const references = ["A", "a", "b", "B"].map((id) => new Reference("qa.Comment", id));
    const loaded = await loadReferences([caseless(asked)], references);
    expect(loaded.missing.map(({ pk }) => pk)).toEqual(["b", "B"]);
    expect(loaded.rowOf(references[0]!)).toBe(loaded.rowOf(references[1]!));
    expect(loaded.rowOf(references[0]!)).toEqual({ id: "a" });
    // Nothing was like "b" that came.
    expect(asked).toEqual([["A", "a", "b", "B"], ["A"]]);
  });

  test("none of several spellings that are asked for is how it is stored", async () => {
    const stored = { id: "a-a" };
    const load: OrmAdapter["load"] = async (_model, keys) =>
      keys.some((key) => String(key).toLowerCase() === "a-a") ? [{ ...stored }] : [];
    const references = ["A-a", "A-A", "AA"].map((id) => new Reference("qa.Comment", id));
    const loaded = await loadReferences([stubAdapter(commentModel, {}, { load })], references);
    expect(loaded.missing).toEqual([references[2]]);
    expect(loaded.rowOf(references[0]!)).toEqual(stored);
    expect(loaded.rowOf(references[0]!)).toBe(loaded.rowOf(references[1]!));
  });

  test("more spellings of one key than a person writes are refused", async () => {
    const spellings = Array.from({ length: 16 }, (_, bits) =>
      [..."abcd"].map((letter, at) => ((bits >> at) & 1 ? letter.toUpperCase() : letter)).join(""),
    );
    const asked: unknown[] = [];
    const load: OrmAdapter["load"] = async (_model, keys) => {
      asked.push(keys);
      return [{ id: "abcd" }];
    };
    const some = (count: number) => spellings.slice(0, count).map((id) => new Reference("qa.Comment", id));
    const adapter = stubAdapter(commentModel, {}, { load });
    expect((await loadReferences([adapter], some(9))).missing).toEqual([]);
    expect(asked).toHaveLength(9);
    await expect(loadReferences([adapter], some(16))).rejects.toMatchObject({ code: "ERR_REFERENCE_KEY" });
  });

  test("a model that no adapter has", async () => {
    const outcome = loadReferences([stubAdapter(commentModel)], [new Reference("qa.Commment", 1)]);
    await expect(outcome).rejects.toMatchObject({
      code: "ERR_MODEL_UNKNOWN",
      message: expect.stringMatching(/"qa\.Commment".*"qa\.Comment"/),
    });
  });

  test("a key that does not fit its model, from a sender with other models", async () => {
    const outcome = loadReferences(
      [stubAdapter(commentModel)],
      [new Reference("qa.Comment", { a: 1, b: 2 })],
    );
    await expect(outcome).rejects.toMatchObject({ code: "ERR_REFERENCE_KEY" });
  });

  const lost = Object.assign(new Error("select … where id in (41)"), { code: "ECONNREFUSED" });
  test.each<[string, () => Promise<readonly object[]>, unknown]>([
    ["rejects", () => Promise.reject(lost), lost],
    [
      "throws",
      () => {
        throw lost;
      },
      lost,
    ],
    ["rejects with no Error", () => Promise.reject("gone"), "gone"],
    ["gives no array", async () => ({ rows: [] }) as unknown as object[], expect.any(TypeError)],
    ["gives undefined", async () => undefined as unknown as object[], expect.any(TypeError)],
    ["gives null for a row", async () => [null] as unknown as object[], expect.any(TypeError)],
    ["gives a row whose key has lost digits", async () => [{ id: 2 ** 53 }], expect.any(PetioleError)],
    ["gives a row without its key", async () => [{ body: "" }], expect.any(TypeError)],
  ])("an adapter that %s is unreachable", async (_, load, cause) => {
    const adapter = stubAdapter(commentModel, {}, { load });
    const error: unknown = await loadReferences([adapter], [new Reference("qa.Comment", 41)]).catch(
      (failure: unknown) => failure,
    );
    expect(error).toBeInstanceOf(PetioleError);
    expect(error).toMatchObject({ code: "ERR_DATABASE_UNREACHABLE", cause });
    expect(String(error)).toMatch(/qa\.Comment: stub could not load 1 row/);
    if (cause === lost) expect(String(error)).toContain("(ECONNREFUSED)");
    // Queries and their values stay out of the message.
    expect(String(error)).not.toContain("41");
  });
});
