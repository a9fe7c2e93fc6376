import { describe, expect, test } from "vitest";
import type { EncodeError } from "../errors.ts";
import { refusals } from "../../test/wire/refusals.ts";
import { Value, anything } from "../value/index.ts";
import { Lazy, Reference, type ReferenceDetails } from "../model/index.ts";
import { DecodeError, LimitError, createWire, type Limits } from "./index.ts";
import type { EncodeSubject } from "./encode-context.ts";
import { storedRows } from "./stored-rows.ts";
import { createTaskWire } from "./wire.ts";

class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {}
class Box extends Value("test.Box", { held: anything }) {}
class List extends Value("test.List", { list: [Number] }) {}

const wire = createWire({ values: [storedRows(), Money, Box, List] });
const subject: EncodeSubject = { root: "payload", what: "this payload" };
const tag = (name: string, content: unknown): string =>
  JSON.stringify({ __type__: name, __value__: content });
const ref = (content: object): string => tag("ref", { model: "a.B", pk: 1, ...content });
const was = (fields: object, pk = 1, details?: ReferenceDetails): Reference =>
  new Reference("a.B", pk, details, fields);

describe("a reference", () => {
  test("says what is not undefined, and cannot be changed", () => {
    const reference = new Reference("a.B", 1, { connection: undefined, scope: "all" } as never);
    expect(Object.keys(reference.details!)).toStrictEqual(["scope"]);
    expect(Object.keys(new Reference("a.B", 1, { scope: undefined } as never))).toStrictEqual([
      "model",
      "pk",
    ]);
    expect(Object.isFrozen(reference) && Object.isFrozen(reference.details)).toBe(true);
    const fields = { a: 1 };
    const kept = was(fields);
    fields.a = 2;
    expect(kept.was).toStrictEqual({ a: 1 });
  });

  test("of another connection is another row; what else it says makes no difference", () => {
    const plain = new Reference("a.B", 1);
    expect(plain.equals(new Reference("a.B", "1", { ifMissing: "skip", with: ["x"] }))).toBe(true);
    expect(plain.equals(was({ a: 1 }))).toBe(true);
    expect(plain.equals(new Reference("a.B", 1, { connection: "archive" }))).toBe(false);
  });

  test("may say more, its fields kept", () => {
    const more = was({ a: 1 }, 1, { scope: "all" }).detailed({ ifMissing: "skip" });
    expect(more).toStrictEqual(was({ a: 1 }, 1, { scope: "all", ifMissing: "skip" }));
    expect(Object.keys(more.detailed({ scope: undefined } as never).details!)).toStrictEqual(["ifMissing"]);
  });

  test("that says nothing is written as ever; in lists too", () => {
    expect(wire.encode(new Reference("a.B", 1))).toBe(ref({}));
    expect(wire.encode(new Reference("a.B", 1, {}))).toBe(ref({}));
    const list = [1, 2, 3, 4].map((pk) => new Reference("a.B", pk));
    expect(wire.encode(list)).toBe(tag("refs", { model: "a.B", keys: [1, 2, 3, 4] }));
    const [one] = list;
    expect(wire.encode([...list.slice(1), one!.detailed({ scope: "all" })])).not.toContain("refs");
    expect(wire.encode([...list.slice(1), was({})])).not.toContain("refs");
  });

  test.each<[string, object, RegExp]>([
    [
      "ifChanged alone",
      { ifChanged: "skip" },
      /needs a version or a digest beside ifChanged: make it from the row/,
    ],
    ["too many relations", { with: Array.from({ length: 21 }, () => "a") }, /up to 20 names of relations/],
    ["a long relation", { with: ["a".repeat(201)] }, /up to 20 names/],
    [
      "an enumeration",
      { ifMissing: "ignore" },
      /needs "fail", "skip", "wait" or "null" as its ifMissing, and has string/,
    ],
    ["a scope", { scope: "default" }, /needs "all" as its scope/],
    ["a version", { version: 5 }, /needs a text as its version, and has number/],
    [
      "what none says",
      { onMissing: "skip" },
      /what a reference says \(connection, .*, and has string "onMissing"/,
    ],
  ])("says in its refusal what is wrong: %s", (_name, details, advice) => {
    const [refusal, ...others] = refusals(() =>
      wire.encode({ post: new Reference("a.B", 1, details as ReferenceDetails) }),
    );
    expect(others).toStrictEqual([]);
    expect(refusal).toMatch(/^value\.post \| ref \| /);
    expect(refusal).toMatch(advice);
  });
});

describe("the fields of a reference", () => {
  test("are a text within the text: what points there points from its own root", () => {
    const shared = { x: 1 };
    const text = wire.encode([shared, was({ a: shared, b: [shared] }), shared]);
    expect(text).toBe(
      `[{"x":1},${ref({ was: { a: { x: 1 }, b: [{ __type__: "same", __value__: "/a" }] } })},${tag("same", "/0")}]`,
    );
    const [one, reference, two] = wire.decode(text) as [object, Reference, object];
    const { a, b } = reference.was as { a: object; b: object[] };
    expect([one === two, a === b[0], (a as unknown) === one]).toStrictEqual([true, true, false]);
  });

  test("name every place that cannot travel, by its path in the whole", () => {
    const bad = was({ f() {}, map: new Map([["k", [Symbol("s")]]]), ok: 1n, "odd key": Symbol });
    expect(
      refusals(() => wire.encode({ posts: [bad], g() {} })).map((line) => line.split(" | ")[0]),
    ).toStrictEqual([
      "value.posts[0].was.f",
      'value.posts[0].was.map.get("k")[0]',
      'value.posts[0].was["odd key"]',
      "value.g",
    ]);
    expect(refusals(() => wire.encode(new Map([["k", bad]])))[0]).toMatch(/^value\.get\("k"\)\.was\.f \|/);
    const task = createTaskWire({ values: [storedRows()] });
    expect(refusals(() => task.encodeFor({ bad }, subject))[0]).toMatch(/^payload\.bad\.was\.f \|/);
  });

  test("that cannot travel are counted, the first hundred told", () => {
    const bad = Array.from({ length: 150 }, (_, at) => was({ a() {}, b() {} }, at));
    try {
      wire.encode(bad);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ count: 300 });
      expect((error as EncodeError).refusals).toHaveLength(100);
    }
  });

  test("tell in errors of decoding where they are", () => {
    const wrong = [
      [{ a: [{ __type__: "bigint", __value__: "x" }] }, "payload.post[0].was.a[0]"],
      [{ __type__: "map", __value__: [] }, "payload.post[0]"],
      [{ "odd key": { __type__: "x.y", __value__: 1 } }, 'payload.post[0].was["odd key"]'],
    ] as const;
    for (const [fields, path] of wrong) {
      const text = `{"post":[${ref({ was: fields })}]}`;
      expect(() =>
        createTaskWire({ values: [storedRows()] })
          .open(text, "payload")
          .decode(),
      ).toThrow(expect.objectContaining({ path }));
    }
    const unknown = `[${ref({ was: { a: { __type__: "shop.Money@2", __value__: 1 } } })}]`;
    expect(() => wire.decode(unknown)).toThrow(DecodeError);
    expect(() => wire.decode(unknown)).toThrow(
      expect.objectContaining({
        code: "ERR_TYPE_UNKNOWN",
        type: "shop.Money@2",
        known: ["shop.Money", "test.Box", "test.List"],
      }),
    );
  });

  test("have their value classes among the types of the whole", () => {
    const task = createTaskWire({ values: [storedRows(), Money, Box] });
    const fee = new Money({ amount: 5n, currency: "EUR" });
    const { types } = task.encodeFor([was({ fee }), new Box({ held: 1 })], subject);
    expect(types).toStrictEqual(["shop.Money", "test.Box"]);
    const deep = was({ fees: Array.from({ length: 5 }, () => new Box({ held: fee })) });
    expect(task.encodeFor(new Lazy(deep), subject).types).toStrictEqual(["shop.Money", "test.Box"]);
  });

  test("are what a decoder without a database gives, with the references in them", () => {
    const author = new Reference("a.User", 2, { with: ["company"] });
    const found = wire.decode(wire.encode(was({ author, later: new Lazy(author) }))) as Reference;
    const { author: arrived, later } = found.was as { author: Reference; later: Lazy };
    expect(arrived).toStrictEqual(author);
    expect(later.reference).toStrictEqual(author);
  });

  test("are not among the references that are to be loaded, what they are of is", () => {
    const opened = createTaskWire({ values: [storedRows()] }).open(
      createWire({ values: [storedRows()] }).encode([
        was({ author: new Reference("a.User", 2) }, 7),
        new Lazy(was({}, 8)),
      ]),
      "payload",
    );
    expect(opened.references.map(({ model, pk }) => `${model} ${String(pk)}`)).toStrictEqual(["a.B 7"]);
    const row = { id: 7 };
    expect((opened.decode({ row: () => row }) as unknown[])[0]).toBe(row);
  });

  /** The least limit with which a value can be written. What can be written must be readable. */
  function least(value: unknown, limit: keyof Limits, most: number): number {
    const fits = (size: number): boolean => {
      const limited = createWire({ values: [storedRows(), Money, Box, List], limits: { [limit]: size } });
      let text: string;
      try {
        text = limited.encode(value);
      } catch (error) {
        expect(error).toBeInstanceOf(LimitError);
        return false;
      }
      limited.decode(text);
      return true;
    };
    let [from, to] = [1, most];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (fits(middle)) to = middle;
      else from = middle + 1;
    }
    expect(fits(from)).toBe(true);
    return from;
  }

  test("what can be written can be read, to the last node, level and byte", () => {
    const shared = { list: [1, 2, 3] };
    const list = [1, 2, 3, 4, 5, 6];
    const cycle: unknown[] = [];
    cycle.push([cycle, { cycle }]);
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    const growing = (): ArrayBuffer => new ArrayBuffer(1, { maxByteLength: 900 });
    for (const value of [
      was({ a: 1 }),
      [
        was({ a: shared, b: new Box({ held: [shared, shared] }) }),
        was({ c: [1n, new Map([[shared, shared]])] }),
      ],
      was({
        lists: Array.from({ length: 3 }, () => new List({ list })),
        boxes: list.map((held) => new Box({ held })),
      }),
      { deep: [[was({ nested: nested(40) }, 1, { with: ["a"], version: "1" })]] },
      was({ cycle }),
      [nested(20), was({ a: nested(4) })],
      [new Lazy(was({ a: nested(18), c: cycle })), nested(20)],
      [growing(), was({ b: growing(), c: [growing()] }), was({ d: growing() })],
    ]) {
      expect(least(value, "nodes", 10_000)).toBeGreaterThan(5);
      expect(least(value, "depth", 1_000)).toBeGreaterThan(2);
      expect(least(value, "bytes", 100_000)).toBeGreaterThan(50);
    }
    // What buffers may grow to counts as bytes, in the fields of references as around them.
    const buffers = [growing(), was({ b: growing(), c: [growing()] }), was({ d: growing() })];
    expect(least(buffers, "bytes", 100_000)).toBe(3600);
  });

  test("what a class makes of them is counted for all of them together", () => {
    const list = Array.from({ length: 1_000 }, () => 1);
    const many = (pk: number): Reference =>
      was({ list, all: Array.from({ length: 900 }, (_, at) => [at, new Box({ held: [list] })]) }, pk);
    // Each class looks through the list again.
    expect(wire.decode(wire.encode(many(1)))).toBeInstanceOf(Reference);
    const counted = least([many(1), many(2)], "nodes", 4_000_000);
    expect(counted).toBeGreaterThan(2 * 900 * 1_000);
  });

  test.each([9_996, 9_999, 10_001, 19_996, 19_998, 20_001, 100_000])("%d levels", (levels) => {
    let deep: unknown = "end";
    for (let level = 0; level < levels; level++) deep = [deep];
    const text = wire.encode({ around: [was({ deep })] });
    let found: unknown = (wire.decode(text) as { around: [Reference<{ deep: unknown }>] }).around[0].was!
      .deep;
    let count = 0;
    for (; Array.isArray(found); found = found[0]) count++;
    expect([found, count]).toStrictEqual(["end", levels]);
  });

  test("fit where depth is little as far as they and what is around them do", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1n : [nested(levels - 1)]);
    for (let levels = 1; levels < 12; levels++) {
      // The tag, its content and the fields; the lists; and the tag in them.
      const limited = createWire({ values: [storedRows()], limits: { depth: 3 + levels + 1 } });
      const back = limited.decode(limited.encode(was({ deep: nested(levels) }))) as Reference;
      expect(back.was).toStrictEqual({ deep: nested(levels) });
    }
    const limits = { depth: 8 };
    expect(() => createWire({ values: [storedRows()], limits }).encode(was({ deep: nested(9) }))).toThrow(
      expect.objectContaining({ limit: "depth", allowed: 8, received: 9 }),
    );
  });

  test("say `payload` when they are over a limit", () => {
    const limited = createTaskWire({ values: [storedRows()], limits: { nodes: 50 } });
    const large = was({ list: Array.from({ length: 60 }, () => 1n) });
    expect(() => limited.encodeFor([large], subject)).toThrow(/^payload is over the limit `nodes`/);
    const text = wire.encode([large]);
    expect(() => limited.open(text, "payload")).toThrow(/^payload is over the limit `nodes`/);
  });

  test("nested in others are refused when written, as when read", () => {
    expect(refusals(() => wire.encode([was({ parent: [was({})] })]))).toStrictEqual([
      "value[0].was.parent[0] | ref | in the fields of another reference, it has none of its own: send model and key",
    ]);
    expect(wire.decode(wire.encode(was({ parent: new Reference("a.B", 2) })))).toBeInstanceOf(Reference);
  });
});
