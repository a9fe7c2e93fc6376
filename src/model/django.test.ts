import { describe, expect, test } from "vitest";
import { Foreign } from "../wire/foreign.ts";
import { Snapshot } from "../wire/snapshot.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import { fromDjango, toDjango, type DjangoSource } from "./django.ts";

class Comment {
  id = 0;
}
class Member {
  userId = 0;
}

const saved: unknown[] = [];
stubAdapter(
  { "qa.Comment": [Comment, ["id"]], "qa.Member": [Member, ["userId", "groupId"]] },
  {},
  { save: async (...parameters) => void saved.push(parameters) },
);

const names = { authorId: "author", isPublic: "public" };
const comments: DjangoSource = {
  target: Comment,
  fields: names,
  types: { points: "bigint", price: "decimal", data: "bytes", at: "datetime", day: "date", token: "uuid" },
};

/** What `serializers.serialize("json", [comment], ensure_ascii=False)` of Django 5.2 gives, but for the blanks. */
const text =
  '[{"model":"qa.comment","pk":7,"fields":{"body":"ü 🌱","author":3,"points":9007199254740993,' +
  '"price":"1234567890123456.7891","data":"AAECAw==","meta":{"a":[1,null,"x"],"n":9007199254740993},' +
  '"at":"2026-11-22T08:37:00.123Z","day":"2026-11-22","token":"0199c0de-0000-7000-8000-000000000000",' +
  '"public":true,"ratio":0.5}}]';

describe("Django's JSON", () => {
  test("becomes snapshots, each field as its type is said, and is written again as it was", async () => {
    const [snapshot, ...others] = fromDjango(text, [comments]);
    expect(others).toHaveLength(0);
    expect(snapshot).toBeInstanceOf(Snapshot);
    expect([snapshot!.model, snapshot!.pk]).toStrictEqual(["qa.Comment", 7]);
    expect(snapshot!.fields).toMatchObject({
      id: 7,
      body: "ü 🌱",
      authorId: 3,
      points: 9007199254740993n,
      price: new Foreign("decimal", "1234567890123456.7891"),
      data: new Uint8Array([0, 1, 2, 3]),
      meta: { a: [1, null, "x"], n: 9007199254740993n },
      at: new Date("2026-11-22T08:37:00.123Z"),
      token: new Foreign("uuid", "0199c0de000070008000000000000000"),
      isPublic: true,
      ratio: 0.5,
    });
    expect(toDjango([snapshot!], { "qa.Comment": { fields: names } })).toBe(text);
    await snapshot!.save();
    expect(saved.pop()).toMatchObject(["qa.Comment", { id: 7, authorId: 3 }, {}]);
  });

  test("times finer than milliseconds, and null, are kept", () => {
    const [snapshot] = fromDjango(
      '[{"model":"qa.comment","pk":"a","fields":{"at":"2026-11-22T08:37:00.123456+02:00","data":null}}]',
      [comments],
    );
    expect(snapshot!.fields).toStrictEqual({
      id: "a",
      at: new Foreign("datetime", "2026-11-22T08:37:00.123456+02:00"),
      data: null,
    });
    expect(toDjango([snapshot!])).toBe(
      '[{"model":"qa.comment","pk":"a","fields":{"at":"2026-11-22T08:37:00.123456+02:00","data":null}}]',
    );
  });

  test("keys of several parts are lists", () => {
    const member = '[{"model":"club.member","pk":[3,"staff"],"fields":{"since":2020}}]';
    const [snapshot] = fromDjango(member, [{ target: Member, label: "club.member" }]);
    expect(snapshot!.pk).toStrictEqual({ userId: 3, groupId: "staff" });
    expect(snapshot!.fields).toStrictEqual({ userId: 3, groupId: "staff", since: 2020 });
    expect(toDjango([snapshot!], { "qa.Member": { label: "club.member" } })).toBe(member);
  });

  test.each([
    ["{", "records", "JSON"],
    ["{}", "records", "an array of records"],
    ["[7]", "records[0]", "a record"],
    ['[{"model":"qa.post","pk":1,"fields":{}}]', "records[0].model", "one of qa.comment"],
    ['[{"model":"qa.comment","pk":1}]', "records[0].fields", "an object of fields"],
    ['[{"model":"qa.comment","pk":null,"fields":{}}]', "records[0].pk", "a primary key"],
    ['[{"model":"qa.comment","pk":1,"fields":{"at":"soon"}}]', "records[0].fields.at", "a datetime"],
    ['[{"model":"qa.comment","pk":1,"fields":{"data":"%"}}]', "records[0].fields.data", "a bytes"],
    ['[{"model":"qa.comment","pk":1,"fields":{"points":1.5}}]', "records[0].fields.points", "a bigint"],
  ])("%s is refused, with its place", (wrong, path, expected) => {
    expect(() => fromDjango(wrong, [comments])).toThrow(expect.objectContaining({ path, expected }));
  });

  test("a column `id` that is not the key is kept, and of a key that is another column, that column", () => {
    const tag = new Snapshot("qa.Tag", "ts", { slug: "ts", id: 5 });
    expect(JSON.parse(toDjango([tag]))).toEqual([
      { model: "qa.tag", pk: "ts", fields: { slug: "ts", id: 5 } },
    ]);
    expect(JSON.parse(toDjango([tag], { "qa.Tag": { key: "slug" } }))).toEqual([
      { model: "qa.tag", pk: "ts", fields: { id: 5 } },
    ]);
    const wide = new Snapshot("qa.Tag", 7n, { id: "7", name: "seven" });
    expect(JSON.parse(toDjango([wide]))).toEqual([{ model: "qa.tag", pk: 7, fields: { name: "seven" } }]);
  });

  test("what it has no form for is refused, all of it, by path", () => {
    const odd = new Snapshot("qa.Comment", 7, {
      ratio: NaN,
      at: new Date(NaN),
      meta: { list: [undefined, new Map()] },
      body: "fine",
    });
    expect(() => toDjango([odd])).toThrow(
      expect.objectContaining({
        refusals: [
          expect.objectContaining({ path: "snapshots[0].fields.ratio" }),
          expect.objectContaining({ path: "snapshots[0].fields.at" }),
          expect.objectContaining({ path: "snapshots[0].fields.meta.list[0]" }),
          expect.objectContaining({ path: "snapshots[0].fields.meta.list[1]" }),
        ],
      }),
    );
  });
});
