import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { Value, anything, optional, value } from "../value/index.ts";
import { Reference, Snapshot } from "../model/index.ts";
import { DecodeError, LimitError, createWire } from "./index.ts";
import { storedRows } from "./stored-rows.ts";

class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {}
class Order extends Value("shop.Order", {
  id: Number,
  placed: Date,
  total: Money,
  note: optional(String),
  paid: optional(Date),
  extra: optional(anything),
}) {}
/** Adopted, so that its rows are read by `create` alone. */
class Point {
  readonly x: number;
  readonly label: string;
  constructor(x: number, label: string) {
    this.x = x;
    this.label = label;
  }
}
const point = value(Point, {
  name: "geo.Point",
  fields: { x: Number, label: String },
  create: ({ x, label }) => new Point(x, label),
});
const wire = createWire({ values: [storedRows(), Money, Order, point] });

const money = (amount: bigint) => new Money({ amount, currency: "EUR" });
const order = (id: number, more: object = {}) =>
  new Order({ id, placed: new Date(id), total: money(5n), ...more });
const points = () => [1, 2, 3, 4].map((x) => new Point(x, `p${x}`));

/** Sends a value and gives its text and what arrives. */
function sent<Sent>(given: Sent): { readonly text: string; readonly back: Sent } {
  const text = wire.encode(given);
  expect(wire.encode(wire.decode(text))).toBe(text);
  return { text, back: wire.decode(text) as Sent };
}

describe("tables", () => {
  test("four instances are one, three are not", () => {
    expect(sent(points()).text).toBe(
      '{"__type__":"table","__value__":{"type":"geo.Point","columns":["x","label"],"rows":[[1,"p1"],[2,"p2"],[3,"p3"],[4,"p4"]]}}',
    );
    expect(sent(points().slice(1)).text).not.toContain("table");
    expect(sent(points()).back).toStrictEqual(points());
  });

  test("nested, optional, and with values of any kind", () => {
    const shared = { a: new Date(7) };
    const orders = [
      order(1, { note: "n" }),
      order(2, { paid: new Date(NaN) }),
      order(3, { extra: [shared, undefined, -0] }),
      order(4, { extra: new Map([[shared, 1n]]), paid: new Date(0) }),
    ];
    const { text, back } = sent({ orders, shared });
    expect(text).toContain('"columns":["id",["placed","datetime"],["total",{"type":"shop.Money"');
    expect(back.orders.every((each, index) => each.equals(orders[index]))).toBe(true);
    const [first] = back.orders[2]!.extra as [object];
    expect([first, [...(back.orders[3]!.extra as Map<object, bigint>).keys()][0]]).toStrictEqual([
      back.shared,
      back.shared,
    ]);
    expect(first).toBe(back.shared);
    expect("note" in back.orders[1]!).toBe(false);
  });

  test("an instance in two places makes it no table, wherever the second is", () => {
    const list = points();
    for (const given of [[list, list[2]], [list[2], list], [[...list, list[0]]], [list, [...list]]]) {
      const { text, back } = sent(given);
      expect(text).toContain('"same"');
      expect(back).toStrictEqual(given);
    }
    const twice = sent({ one: list, other: list });
    expect(twice.text).toContain('"table"');
    expect(twice.back.one).toBe(twice.back.other);
  });

  test("lists that are no tables leave those around them tables, and their instances may come again", () => {
    const [first, second, third] = [points(), points(), points()];
    const [odd, other] = [
      [...points(), new Point(NaN, "")],
      [...points(), new Point(-0, "")],
    ];
    const given = [first, odd, second, other, third, odd[0], other[1]];
    const { text, back } = sent(given);
    expect(text.split('"table"')).toHaveLength(4);
    expect(text.match(/"same","__value__":"[^"]+"/g)).toStrictEqual([
      '"same","__value__":"/1/0"',
      '"same","__value__":"/3/1"',
    ]);
    expect(back).toStrictEqual(given);
  });

  test("what throws when it is read is told in its place", () => {
    const throwing = Object.defineProperty(new Point(1, ""), "x", {
      get() {
        throw new Error("gone");
      },
    });
    expect(() => wire.encode([...points(), throwing])).toThrow(/value\[4\] .*gone/s);
    const fields = { id: 4, placed: Object.create(Date.prototype) as Date, total: money(5n) };
    const looksLike = Object.create(Order.prototype, Object.getOwnPropertyDescriptors(fields)) as Order;
    expect(() => wire.encode([order(1), order(2), order(3), looksLike])).toThrow(/value\[3\]\.placed/);
    const strict = new Proxy(new Point(5, "p5"), {
      has() {
        throw new Error("not asked");
      },
    });
    expect(wire.decode(wire.encode([...points(), strict]))).toStrictEqual([...points(), new Point(5, "p5")]);
  });

  test("what does not fit its field makes it no table, and is told as ever", () => {
    expect(sent([...points(), new Point(NaN, "")]).back[4]!.x).toBe(NaN);
    expect(() => wire.encode([...points(), new Point("5" as never, "")])).toThrow(
      /value\[4\]\.x +field of geo\.Point +expected number/,
    );
    class Far extends Point {}
    expect(() => wire.encode([...points(), new Far(1, "")])).toThrow(/value\[4\] +Far \(class instance\)/);
    const labelled = [1, 2, 3, 4].map((id) => Object.assign(order(id), { label: "x" }));
    expect(() => wire.encode(labelled)).toThrow(/value\[3\]\.label +field of shop\.Order +not a field/);
  });

  test("a cycle through a row is refused", () => {
    const extra: unknown[] = [];
    const orders = [1, 2, 3, 4].map((id) => order(id, { extra }));
    extra.push(orders[1]);
    expect(() => wire.encode(orders)).toThrow(/cycle through shop\.Order/);
  });

  test("references to one model", () => {
    const list = [1, 2n, "c", { a: 1, b: "x" }].map((key) => new Reference("qa.Comment", key as never));
    const { text, back } = sent({ list, again: list });
    expect(text).toContain(
      '{"__type__":"refs","__value__":{"model":"qa.Comment","keys":[1,{"__type__":"bigint"',
    );
    expect(back.list).toStrictEqual(list);
    expect(back.again).toBe(back.list);
    expect(sent([...list, new Reference("qa.Answer", 1)]).text).not.toContain('"refs"');
  });

  test("snapshots of one model", () => {
    const shared = { tag: 1n };
    const list = [1, 2n, "c", { a: 1, b: "x" }].map(
      (key) =>
        new Snapshot("qa.Comment", key as never, { body: "b", at: new Date(5), more: [shared, undefined] }),
    );
    const { text, back } = sent({ shared, list, again: list });
    expect(text).toContain(
      '{"__type__":"snapshots","__value__":{"model":"qa.Comment","columns":["body",["at","datetime"],"more"],"rows":[[1,"b",5,',
    );
    expect(back.list).toStrictEqual(list);
    expect(back.again).toBe(back.list);
    expect((back.list[3]!.fields as { more: unknown[] }).more[0]).toBe(back.shared);
    expect(sent([...list, new Snapshot("qa.Comment", 9, { body: "b" })]).text).not.toContain('"snapshots"');
    expect(sent([list, list[0]]).text).not.toContain('"snapshots"');
    const odd = [1, 2, 3, 4].map((key) => new Snapshot("qa.Comment", key, { body: () => {} }));
    expect(() => wire.encode(odd)).toThrow(/value\[3\]\.fields\.body +function/);
  });

  test("snapshots whose first field is their key, with times, bigints and nulls", () => {
    const at = [new Date(5), null, new Date(NaN), new Date(-1)];
    const big = [1n, null, -(2n ** 70n), 0n];
    const list = at.map(
      (time, index) =>
        new Snapshot("qa.Post", `k${index}`, { id: `k${index}`, at: time, big: big[index], none: null }),
    );
    const { text, back } = sent(list);
    expect(text).toBe(
      '{"__type__":"snapshots","__value__":{"model":"qa.Post","key":"id",' +
        '"columns":[["at","datetime"],["big","bigint"],"none"],"rows":[["k0",5,"1",null],["k1",null,null,null],' +
        '["k2","NaN","-1180591620717411303424",null],["k3",-1,"0",null]]}}',
    );
    expect(back).toStrictEqual(list);
    expect(Object.keys(back[0]!.fields)).toStrictEqual(["id", "at", "big", "none"]);
  });

  test.each([
    ["a key of two parts", { a: 1, b: 2 }, { id: 1, at: new Date(5) }],
    ["a key that is another field", 7, { id: 8, at: new Date(5) }],
    ["a key that comes later", 7, { at: new Date(5), id: 7 }],
  ])("snapshots with %s keep all of their fields as columns", (_name, key, fields) => {
    const list = [1, 2, 3, 4].map(() => new Snapshot("qa.Post", key, fields));
    const { text, back } = sent(list);
    expect(text).not.toContain('"key"');
    expect(back).toStrictEqual(list);
    expect(Object.keys(back[0]!.fields)).toStrictEqual(Object.keys(fields));
  });

  test("a column of times with anything else in it is a column as any other", () => {
    const odd = Object.assign(new Date(5), { note: "a property" });
    const values = [new Date(5), new Date(6), new Date(7)];
    for (const value of [5n, "5", undefined, new Map()]) {
      const list = [...values, value].map((each, index) => new Snapshot("qa.Post", index, { at: each }));
      const { text, back } = sent(list);
      expect(text).toContain('"columns":["at"]');
      expect(back).toStrictEqual(list);
    }
    const refused = [...values, odd].map((each, index) => new Snapshot("qa.Post", index, { at: each }));
    expect(() => wire.encode(refused)).toThrow(/value\[3\]\.fields\.at +datetime with properties/);
  });

  test.each([
    ["a column twice", { model: "a.B", columns: ["x", "x"], rows: [] }],
    ["a key that is a column", { model: "a.B", key: "x", columns: ["x"], rows: [] }],
    ["a key that is no name", { model: "a.B", key: 7, columns: ["x"], rows: [] }],
    ["a key __proto__", { model: "a.B", key: "__proto__", columns: ["x"], rows: [] }],
    ["a column of another kind", { model: "a.B", columns: [["x", "map"]], rows: [] }],
    ["a column with a third part", { model: "a.B", columns: [["x", "bigint", 1]], rows: [] }],
    ["a time that is none", { model: "a.B", columns: [["x", "datetime"]], rows: [[1, "soon"]] }],
    ["digits that are none", { model: "a.B", columns: [["x", "bigint"]], rows: [[1, "1.5"]] }],
    ["a tag in a column of times", { model: "a.B", columns: [["x", "datetime"]], rows: [[1, { a: 1 }]] }],
    ["a column __proto__", { model: "a.B", columns: ["__proto__"], rows: [] }],
    ["a cell too few", { model: "a.B", columns: ["x"], rows: [[1]] }],
    ["a key that is none", { model: "a.B", columns: ["x"], rows: [[null, 1]] }],
    ["no rows", { model: "a.B", columns: ["x"] }],
    ["something beside them", { model: "a.B", columns: ["x"], rows: [], more: 1 }],
    [
      "a value that is none",
      { model: "a.B", columns: ["x"], rows: [[1, { __type__: "bigint", __value__: 5 }]] },
    ],
  ])("snapshots refused: %s", (_name, content) => {
    const text = JSON.stringify({ __type__: "snapshots", __value__: content });
    expect(() => wire.decode(text)).toThrow(DecodeError);
  });

  const table = (columns: unknown, rows: unknown, type = "geo.Point") =>
    JSON.stringify([{ __type__: "table", __value__: { type, columns, rows } }]);
  test.each([
    [
      "a text in a column of numbers",
      table(
        ["x", "label"],
        [
          [1, "a"],
          ["2", "b"],
        ],
      ),
    ],
    ["null for a field that is none of the optional", table(["x", "label"], [[1, null]])],
    ["a cell too few", table(["x", "label"], [[1]])],
    ["a cell too many", table(["x", "label"], [[1, "a", 2]])],
    ["a row that is none", table(["x", "label"], [{ x: 1 }])],
    ["a column too few", table(["x"], [[1]])],
    ["a column too many", table(["x", "label", "y"], [[1, "a", 2]])],
    ["a column twice", table(["x", "x", "label"], [[1, 1, "a"]])],
    ["a column __proto__", table(["x", "label", "__proto__"], [[1, "a", {}]])],
    ["a column of no kind", table([["x", "float"], "label"], [[1, "a"]])],
    ["another class's rows", table(["x", ["label", { type: "shop.Money", columns: [] }]], [[1, []]])],
    ["an unknown class", table(["x"], [[1]], "x.Nope")],
    ["a tag's name", table(["name"], [["Error"]], "error")],
    ["a time that is none", table(["id", ["placed", "datetime"]], [[1, 8.7e15]], "shop.Order")],
    ["digits that are none", table([["amount", "bigint"], "currency"], [["0x1", "EUR"]], "shop.Money")],
    ["no rows", table(["x", "label"], undefined)],
    [
      "a pointer at a row",
      '[{"__type__":"table","__value__":{"type":"geo.Point","columns":["x","label"],"rows":[[1,"a"]]}},{"__type__":"same","__value__":"/0/__value__/rows/0"}]',
    ],
  ])("refused: %s", (_name, text) => {
    expect(() => wire.decode(text)).toThrow(DecodeError);
  });

  test("what an older version wrote goes through its upgrades", () => {
    class Price {
      readonly amount: number;
      constructor(amount: number) {
        this.amount = amount;
      }
    }
    const price = value(Price, {
      name: "s.Price",
      version: 2,
      fields: { amount: Number },
      upgrade: { 1: ({ amount }) => ({ amount: (amount as number) * 100 }) },
      create: ({ amount }) => new Price(amount),
    });
    const both = createWire({ values: [price] });
    expect(both.decode(table(["amount"], [[1], [2]], "s.Price"))).toStrictEqual([
      [new Price(100), new Price(200)],
    ]);
    expect(both.decode(table(["amount"], [[1], [2]], "s.Price@2"))).toStrictEqual([
      [new Price(1), new Price(2)],
    ]);
  });

  test("a row inside a row holds nothing but scalars and rows, within the limits", () => {
    class In extends Value("s.In", { x: anything }) {}
    class Out extends Value("s.Out", { inner: In }) {}
    const strict = createWire({ values: [In, Out], limits: { nodes: 100, depth: 20 } });
    const nested = (cell: string) =>
      `{"__type__":"table","__value__":{"type":"s.Out","columns":[["inner",{"type":"s.In","columns":["x"]}]],"rows":[[[${cell}]]]}}`;
    for (const cell of ['{"__type__":"evil","__value__":1}', '{"__proto__":{"isAdmin":true}}', "[[1]]"]) {
      expect(() => strict.decode(nested(cell))).toThrow(DecodeError);
    }
    expect(() => strict.decode(nested(Array.from({ length: 1000 }, () => 1).join()))).toThrow(LimitError);
    expect(strict.decode(nested("5"))).toStrictEqual([new Out({ inner: new In({ x: 5 }) })]);
  });

  test("a list that does not fit is told at the send, wherever its instance is", () => {
    class Labels extends Value("s.Labels", { tags: [String] }) {}
    const strict = createWire({ values: [Labels] });
    const list = [1, 2, 3, 4].map(() => new Labels({ tags: ["a"] }));
    (list[1]!.tags as unknown[]).push(5);
    expect(() => strict.encode(list)).toThrow(/value\[1\]\.tags\[1\] +field of s\.Labels +expected string/);
  });

  test("a list in a list that many share is checked once", () => {
    class Matrix extends Value("s.Matrix", { m: [[Number]] }) {}
    const length = 20_000;
    const zeros = (count: number) => Array.from({ length: count }, () => 0).join();
    const text = `{"__type__":"graph","__value__":{"shapes":[["[]"],["[]",[""]],["s.Matrix",["m"]]],"nodes":[[0,${zeros(length)}],[1,${zeros(length)}],[2,1]]}}`;
    // Gone through each time, it would be 400 million checks.
    const { m } = createWire({ values: [Matrix] }).decode(text) as Matrix;
    expect([m.length, m[1]]).toStrictEqual([length, m[0]]);
    expect(() => new Matrix({ m: [[1], ["2" as never]] })).toThrow(/m\.1\.0/);
  });

  test("what can be written can be read, to the last node", () => {
    const refs = [1, 2, 3, 4].map((key) => new Reference("a.B", key));
    const ring: Record<string, unknown>[] = Array.from({ length: 3000 }, (_, id) => ({ [`k${id % 7}`]: id }));
    for (const [id, each] of ring.entries())
      Object.assign(each, { next: ring[(id + 1) % 3000], first: ring[0] });
    const rich = ring.map((each) => each);
    const snaps = [1, 2, 3, 4].map((key) => new Snapshot("a.B", key, { x: key, y: [1n] }));
    for (const given of [
      refs,
      snaps,
      points(),
      ring,
      [ring, 1n, new Map([[ring[1], new Set([ring[2]])]])],
      rich,
    ]) {
      const fits = (nodes: number): boolean => {
        const limited = createWire({ values: [storedRows(), Money, Order, point], limits: { nodes } });
        let text: string;
        try {
          text = limited.encode(given);
        } catch {
          return false;
        }
        limited.decode(text);
        return true;
      };
      let [least, most] = [1, 100_000];
      while (least < most) {
        const middle = (least + most) >> 1;
        if (fits(middle)) most = middle;
        else least = middle + 1;
      }
      expect(fits(least)).toBe(true);
      expect(least).toBeGreaterThan(5);
    }
  });

  test("what is written is counted as it is read: to the last node", () => {
    class Sparse extends Value("shop.Sparse", {
      id: Number,
      total: optional(Money),
      order: optional(Order),
    }) {}
    class Around extends Value("shop.Around", { sparse: Sparse, other: optional(Sparse) }) {}
    const sparse = (id: number) =>
      new Sparse({ id, ...(id % 2 && { total: money(5n) }), ...(id % 3 === 0 && { order: order(id) }) });
    const around = (id: number) =>
      new Around({ sparse: sparse(id), ...(id % 2 && { other: sparse(id + 1) }) });
    const ids = [1, 2, 3, 4, 5];
    for (const given of [
      points(),
      ids.map(sparse),
      ids.map(around),
      [ids.map(around), ids.map(sparse)],
      ids.map((key) => new Snapshot("a.B", key, { id: key, x: 5n, y: [1n] })),
      ids.map((key) => new Snapshot("a.B", key, { x: key, y: [1n] })),
      ids.map((key) => new Reference("a.B", key)),
    ]) {
      const values = [storedRows(), Money, Order, Sparse, Around, point];
      const text = createWire({ values }).encode(given);
      let nodes = 1;
      JSON.parse(text, (_, each: unknown) => {
        if (typeof each === "object" && each !== null) nodes += Object.keys(each).length;
        return each;
      });
      const exact = createWire({ values, limits: { nodes } });
      expect(exact.encode(given)).toBe(text);
      expect(exact.encode(exact.decode(text))).toBe(text);
      const short = createWire({ values, limits: { nodes: nodes - 1 } });
      const over = expect.objectContaining({ limit: "nodes", allowed: nodes - 1, received: nodes });
      expect(() => short.encode(given)).toThrow(over);
      expect(() => short.decode(text)).toThrow(
        expect.objectContaining({ limit: "nodes", allowed: nodes - 1 }),
      );
    }
  });

  test("what most rows leave out does not count", () => {
    class Wide extends Value(
      "test.Wide",
      Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`c${at}`, Number])),
    ) {}
    class Row extends Value("test.Row", { id: Number, wide: optional(Wide) }) {}
    const rows = Array.from({ length: 50_000 }, (_, id) => new Row({ id }));
    const wide = createWire({ values: [Wide, Row] });
    expect(wide.decode(wide.encode(rows))).toHaveLength(rows.length);
  });

  test("of as many fields as code cannot have, instances are written one by one", () => {
    const names = Array.from({ length: 66_000 }, (_, at) => `c${at}`);
    class Vast {
      readonly c0 = 0;
    }
    const vast = value(Vast, {
      name: "test.Vast",
      fields: Object.fromEntries(names.map((name) => [name, Number])),
      create: (fields) => Object.assign(new Vast(), fields),
    });
    const one = (): Vast =>
      Object.assign(new Vast(), Object.fromEntries(names.map((name, at) => [name, at])));
    const wide = createWire({ values: [vast] });
    const text = wide.encode([one(), one(), one(), one()]);
    expect(text.startsWith('[{"__type__":"test.Vast"')).toBe(true);
  });

  test("an error says which row", () => {
    expect(() =>
      wire.decode(
        table(
          ["x", "label"],
          [
            [1, "a"],
            [2, 3],
          ],
        ),
      ),
    ).toThrow(/Cannot decode value\[0\]\[1\]/);
  });

  test("the columns may be in another order, and be said as any others are", () => {
    const [[made]] = wire.decode(table([["label", "optional"], "x"], [["a", 1]])) as [[Point]];
    expect(made).toStrictEqual(new Point(1, "a"));
  });

  test("where no code can be made from text, the same texts are written and read", () => {
    const script = `
      import { createWire } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      import { Value, value, optional } from ${JSON.stringify(new URL("../value/index.ts", import.meta.url).href)};
      class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {}
      class Line { constructor(fields) { Object.assign(this, fields); } }
      const line = value(Line, { name: "x.Line", fields: { n: Number, at: Date, fee: Money, "a\\"b": optional(String) }, create: (fields) => new Line(fields) });
      class Dot {}
      const dot = value(Dot, { name: "x.Dot", fields: { x: Number }, create: () => new Dot() });
      const wire = createWire({ values: [Money, line, dot] });
      const wrong = '{"__type__":"table","__value__":{"type":"x.Dot","columns":["x"],"rows":[["1"]]}}';
      let refused;
      try { wire.decode(wrong); } catch (error) { refused = error.message; }
      const lines = [1, 2, 3, 4].map((n) => new Line({ n, at: new Date(n), fee: new Money({ amount: 5n, currency: "EUR" }) }));
      const text = wire.encode(lines);
      let allowed = true;
      try { new Function(""); } catch { allowed = false; }
      console.log(JSON.stringify({ allowed, text, again: wire.encode(wire.decode(text)), refused }));
    `;
    const run = (...flags: string[]): Record<"text" | "again" | "refused", string> & { allowed: boolean } =>
      JSON.parse(
        execFileSync(process.execPath, [...flags, "--input-type=module", "--eval", script], {
          encoding: "utf8",
        }),
      );
    const [free, bound] = [run(), run("--disallow-code-generation-from-strings")];
    expect([free.allowed, bound.allowed]).toStrictEqual([true, false]);
    expect(free.text).toContain('"table"');
    expect(new Set([free.text, free.again, bound.text, bound.again]).size).toBe(1);
    expect(free.refused).toMatch(/x\.Dot: a number in its column, found string "1"/);
    expect(bound.refused).toBe(free.refused);
  });
});
