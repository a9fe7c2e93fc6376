/** What the encoder makes of references and of rows: the hook `refer`, and rows that know their model. */
import { describe, expect, test } from "vitest";
import { refusals } from "../../test/wire/refusals.ts";
import { Value, anything } from "../value/index.ts";
import { Lazy, Reference, Snapshot } from "../model/index.ts";
import { createWire } from "./index.ts";
import type { EncodeSubject } from "./encode-context.ts";
import { storedRows, type WireModels } from "./stored-rows.ts";
import { createTaskWire } from "./wire.ts";

class Box extends Value("test.Box", { held: anything }) {}

const wire = createWire({ values: [storedRows(), Box] });
const subject: EncodeSubject = { root: "payload", what: "this payload" };
const tag = (name: string, content: unknown): string =>
  JSON.stringify({ __type__: name, __value__: content });
const was = (fields: object, pk = 1): Reference => new Reference("a.B", pk, undefined, fields);

/** The references of a text, as `model:key`, and whatever they say. */
function sent(text: string): unknown[] {
  const found: unknown[] = [];
  JSON.parse(text, (_key, value: { __type__?: string; __value__?: unknown }) => {
    if (value?.__type__ === "ref") found.push(value.__value__);
    return value;
  });
  return found;
}

describe("the hook `refer`", () => {
  const task = createTaskWire({ values: [storedRows(), Box] });
  const encode = (value: unknown, refer: EncodeSubject["refer"]): string =>
    task.encodeFor(value, { ...subject, refer }).text;

  test("is asked for every reference, wherever it is, and what it gives is sent", () => {
    const value = {
      one: new Reference("a.B", 1),
      map: new Map([[new Reference("a.B", 2), new Set([new Reference("a.B", 3)])]]),
      box: new Box({ held: new Reference("a.B", 4) }),
      boxes: [5, 6, 7, 8].map((pk) => new Box({ held: new Reference("a.B", pk) })),
      error: new Error("x", { cause: new Reference("a.B", 9) }),
      list: [10, 11, 12, 13].map((pk) => new Reference("a.B", pk)),
    };
    const asked: unknown[] = [];
    const text = encode(value, (reference, row) => {
      asked.push(reference.pk, row);
      return reference.detailed({ version: `v${String(reference.pk)}` });
    });
    const found = sent(text) as { pk: number; version: string }[];
    expect(found.map(({ pk }) => pk).toSorted((a, b) => a - b)).toStrictEqual(
      Array.from({ length: 13 }, (_, at) => at + 1),
    );
    expect(found.every(({ pk, version }) => version === `v${pk}`)).toBe(true);
    expect(new Set(asked.filter((one) => typeof one !== "number"))).toStrictEqual(new Set([undefined]));
  });

  test("leaves a list a list where it gives what says nothing", () => {
    const list = [1, 2, 3, 4].map((pk) => new Reference("a.B", pk));
    expect(encode(list, (reference) => reference)).toBe(tag("refs", { model: "a.B", keys: [1, 2, 3, 4] }));
    const other = encode(list, ({ pk }) => new Reference("a.C", Number(pk) * 10));
    // To another model than the first's.
    expect((task.decode(other) as Reference[]).map(({ pk }) => pk)).toStrictEqual([10, 20, 30, 40]);
    expect((task.decode(other) as Reference[]).every(({ model }) => model === "a.C")).toBe(true);
  });

  test("is not asked for the references in fields, nor for lazy ones", () => {
    const asked: unknown[] = [];
    const value = [was({ author: new Reference("a.User", 2) }, 1), new Lazy(new Reference("a.B", 3))];
    const text = encode(value, (reference) => {
      asked.push(reference.pk);
      return reference;
    });
    expect(asked).toStrictEqual([1]);
    expect(text).toBe(wire.encode(value));
  });

  test("may add the fields of the row; its refusals and its errors name the place", () => {
    const add = (fields: object) => (reference: Reference) => was(fields, Number(reference.pk));
    const list = [1, 2, 3, 4].map((pk) => new Reference("a.B", pk));
    expect(sent(encode(list, add({ at: new Date(0) })))).toHaveLength(4);
    expect(refusals(() => encode({ list }, add({ f() {} })))[2]).toMatch(
      /^payload\.list\[2\]\.was\.f \| function/,
    );
    const failing = (reference: Reference): Reference => {
      if (reference.pk === 3) throw new Error("there is no such model");
      return reference;
    };
    expect(refusals(() => encode({ list }, failing))).toStrictEqual([
      "payload.list[2] | Reference (class instance) | reading it throws: there is no such model",
    ]);
  });
});

/** An adapter as far as the wire knows it, whose rows are plain objects that it has handed out. */
function plainModels(asked: { times: number } = { times: 0 }) {
  const known = new WeakMap<object, string>();
  const row = (fields: object, model = "qa.Comment"): object => {
    known.set(fields, model);
    return fields;
  };
  const models: readonly WireModels[] = [
    {
      connection: "main",
      capabilities: { recognisesRows: "plain" },
      models: [{ name: "qa.Comment" }, { name: "qa.User" }],
      modelOf: (given) => {
        asked.times++;
        return known.get(given);
      },
      keyOf: (_model, given) => (given as { id?: number }).id,
    },
  ];
  return { row, models, asked };
}

describe("rows that know their model", () => {
  const at = (pk: number): object => ({ model: "qa.Comment", pk, connection: "main" });

  test("plain ones are recognised anywhere", () => {
    const { row, models } = plainModels();
    const plain = createWire({ values: [storedRows(models), Box] });
    const make = (id: number): object => row({ id, body: "x" });
    const value = {
      one: make(1),
      deep: { er: [{ est: make(2) }] },
      map: new Map([[make(3), make(4)]]),
      set: new Set([make(5)]),
      box: new Box({ held: make(6) }),
      boxes: [7, 8, 9, 10].map((id) => new Box({ held: [make(id)] })),
      error: Object.assign(new Error("x", { cause: make(11) }), { row: make(12) }),
      bare: Object.assign(Object.create(null) as object, { row: make(13) }),
      holes: Object.assign([], { 3: make(14) }),
      was: new Reference("qa.User", 1, undefined, { author: make(15) }),
    };
    const found = sent(plain.encode(value)).filter(
      (one) => (one as { model: string }).model === "qa.Comment",
    );
    expect(found).toHaveLength(15);
    expect(found).toStrictEqual(
      expect.arrayContaining(Array.from({ length: 15 }, (_, index) => at(index + 1))),
    );
    expect(plain.encode(make(1))).toBe(tag("ref", at(1)));
    // Beside data that is written at once, and without anything else that is not plain.
    expect(plain.encode([{ a: 1, row: make(2) }])).toBe(`[{"a":1,"row":${tag("ref", at(2))}}]`);
  });

  test("without a prototype, with symbols and with odd columns too", () => {
    const { row, models } = plainModels();
    const plain = createWire({ values: [storedRows(models)] });
    const rows = [
      Object.assign(Object.create(null) as object, { id: 1 }),
      { id: 2, [Symbol("brand")]: true },
      { id: 3, __type__: "x", __value__: 1 },
      JSON.parse('{"id":4,"__proto__":5}') as object,
      { id: 5, f() {}, self: null as unknown },
      Object.freeze({ id: 6 }),
    ].map((fields) => row(fields));
    expect(sent(plain.encode(rows))).toStrictEqual([1, 2, 3, 4, 5, 6].map(at));
  });

  test("one of a thousand in an array, and a thousand", () => {
    const { row, models, asked } = plainModels();
    const plain = createWire({ values: [storedRows(models)] });
    const list = Array.from({ length: 1_000 }, (_, id) => ({ id, body: "x".repeat(20) }));
    expect(plain.encode(list)).toBe(JSON.stringify(list));
    expect(asked.times).toBeLessThanOrEqual(1_000);
    row(list[500]!);
    const text = plain.encode(list);
    expect(sent(text)).toStrictEqual([at(500)]);
    expect(text).toBe(
      JSON.stringify(list.map((one, id) => (id === 500 ? JSON.parse(tag("ref", at(500))) : one))),
    );
    for (const one of list) row(one);
    asked.times = 0;
    expect(sent(plain.encode(list))).toHaveLength(1_000);
    // Not more than a few times each.
    expect(asked.times).toBeLessThan(5_000);
  });

  test("one row in many places, in a cycle, and inside itself", () => {
    const { row, models } = plainModels();
    const plain = createWire({ values: [storedRows(models)] });
    const author: { id: number; posts: unknown[] } = { id: 1, posts: [] };
    author.posts.push(author, { author });
    row(author, "qa.User");
    const text = plain.encode({ author, again: [author, author] });
    expect(sent(text)).toHaveLength(3);
    expect(text).not.toContain('"same"');
    expect(text).not.toContain("posts");
  });

  test("a copy of a row is data", () => {
    const { row, models } = plainModels();
    const one = row({ id: 1, at: new Date(0) });
    expect(createWire({ values: [storedRows(models)] }).encode([{ ...one }])).toBe(
      createWire().encode([{ id: 1, at: new Date(0) }]),
    );
  });

  test("unsaved ones are refused, with their path and what to do", () => {
    const { row, models } = plainModels();
    const plain = createWire({ values: [storedRows(models)] });
    const fresh = row({ body: "x" });
    const send = (value: unknown) => refusals(() => plain.encode(value));
    const advice = "it has no key yet: save it first, and send what the database returned";
    expect(send({ a: [fresh] })).toStrictEqual([`value.a[0] | qa.Comment that was not saved | ${advice}`]);
    expect(send(new Map([["k", fresh]]))[0]).toMatch(/^value\.get\("k"\) \| .*save it first/);
    expect(send([fresh, 1n, fresh])).toHaveLength(2);
    class Comment {
      id?: number;
    }
    const instances = createWire({
      values: [
        storedRows([
          {
            capabilities: { recognisesRows: "instances" },
            models: [{ name: "qa.Comment" }],
            modelOf: (given) => (given instanceof Comment ? "qa.Comment" : undefined),
            keyOf: (_model, given) => (given as Comment).id,
          },
        ]),
      ],
    });
    expect(refusals(() => instances.encode({ post: { comment: new Comment() } }))).toStrictEqual([
      `value.post.comment | qa.Comment that was not saved | ${advice}`,
    ]);
    expect(instances.encode(Object.assign(new Comment(), { id: 7 }))).toBe(
      tag("ref", { model: "qa.Comment", pk: 7 }),
    );
  });

  test("what `refer` adds travels, and it is told the row", () => {
    const { row, models } = plainModels();
    const task = createTaskWire({ values: [storedRows(models)] });
    const one = row({ id: 1, body: "x", at: new Date(0) });
    const given: unknown[] = [];
    const refer = (reference: Reference, from: object | undefined): Reference => {
      given.push(from);
      const fields = from ? { ...from } : undefined;
      return new Reference(reference.model, reference.pk, { ...reference.details, version: "1" }, fields);
    };
    const { text } = task.encodeFor({ one, ref: new Reference("qa.User", 2) }, { ...subject, refer });
    expect(given).toStrictEqual([one, undefined]);
    const at = { __type__: "datetime", __value__: "1970-01-01T00:00:00.000+00:00" };
    expect(sent(text)).toStrictEqual([
      { model: "qa.Comment", pk: 1, connection: "main", version: "1", was: { id: 1, body: "x", at } },
      { model: "qa.User", pk: 2, version: "1" },
    ]);
  });

  test("an adapter that throws refuses the place, and only that", () => {
    const throwing = createWire({
      values: [
        storedRows([
          {
            capabilities: { recognisesRows: "plain" },
            models: [{ name: "a.B" }],
            modelOf: (given) => {
              if ("bad" in given) throw new Error("no metadata");
              return undefined;
            },
          },
        ]),
      ],
    });
    expect(throwing.encode([{ ok: 1 }])).toBe('[{"ok":1}]');
    expect(refusals(() => throwing.encode([{ ok: 1 }, { bad: 1 }]))).toStrictEqual([
      expect.stringMatching(/^value\[1\] \| .* \| reading it throws: no metadata$/),
    ]);
  });

  test("nobody is asked about plain data where no adapter has plain rows, nor about values that are no plain objects", () => {
    const asked: object[] = [];
    const models = (recognisesRows: unknown): readonly WireModels[] => [
      {
        capabilities: { recognisesRows },
        models: [{ name: "a.B" }],
        modelOf: (given) => void asked.push(given),
      },
    ];
    const data = { a: [{ b: 1 }, { c: new Map([[{ d: 1 }, new Date(0)]]), e: 1n }] };
    for (const recognisesRows of [false, "instances", undefined]) {
      const text = createWire({ values: [storedRows(models(recognisesRows)), Box] }).encode([data, { a: 1 }]);
      expect(text).toBe(wire.encode([data, { a: 1 }]));
      expect(asked).toStrictEqual([]);
    }
    const values = [
      new Date(0),
      new Map(),
      [1n],
      new Box({ held: 1 }),
      /x/,
      new Error("x"),
      new Lazy(was({})),
    ];
    createWire({ values: [storedRows(models("plain")), Box] }).encode([values, values]);
    expect(asked.filter((one) => Object.getPrototypeOf(one) !== Object.prototype)).toStrictEqual([]);
  });
});

test("without storedRows() they are refused, at the send and when they are read, with what to do", () => {
  const without = createWire({ values: [Box] });
  const row = new Reference("qa.User", 1);
  for (const [value, name] of [
    [row, "Reference"],
    [new Lazy(row), "Lazy"],
    [new Snapshot("qa.User", 1, {}), "Snapshot"],
  ] as const) {
    expect(refusals(() => without.encode({ a: [value] }))).toStrictEqual([
      `value.a[0] | ${name} (class instance) | give the wire storedRows() among its values`,
    ]);
    expect(refusals(() => without.encode([value, value, value, value]))).toHaveLength(4);
    for (const text of [wire.encode({ a: value }), wire.encode({ a: [row, row, row, value] })]) {
      expect(() => without.decode(text)).toThrow(
        expect.objectContaining({
          code: "ERR_TYPE_UNKNOWN",
          message: expect.stringContaining("expected storedRows() among the wire's values") as string,
        }),
      );
    }
  }
  const many = wire.encode([1, 2, 3, 4].map((id) => new Snapshot("qa.User", id, { id })));
  expect(() => without.decode(many)).toThrow(/storedRows\(\) .*"snapshots"/);
});

test("adapters that are no list are refused", () => {
  for (const adapters of [{}, null, "qa", { models: [] }]) {
    expect(() => storedRows(adapters as never)).toThrow(
      expect.objectContaining({
        code: "ERR_OPTION_INVALID",
        message: expect.stringContaining("adapters") as string,
      }),
    );
  }
});
