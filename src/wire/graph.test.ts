import { describe, expect, test } from "vitest";
import { optional, Value, anything, value } from "../value/index.ts";
import { Reference } from "../model/index.ts";
import { createWire } from "./index.ts";
import { storedRows } from "./stored-rows.ts";
import { createTaskWire } from "./wire.ts";

class Address extends URL {}
class Money extends Value("shop.Money", { amount: BigInt, note: optional(anything) }) {}
const wire = createWire({
  values: [
    storedRows(),
    Money,
    value(Address, { name: "x.Url", encode: String, decode: (text: string) => new Address(text) }),
  ],
});

type Node = { id: number; next?: Node; previous?: Node; extra?: unknown };

/** A ring of nodes, each with its neighbours, and something in the first. */
function ring(size: number, extra?: unknown): Node {
  const nodes: Node[] = Array.from({ length: size }, (_, id) => ({ id }));
  for (const [id, node] of nodes.entries()) {
    node.next = nodes[(id + 1) % size]!;
    node.previous = nodes[(id + size - 1) % size]!;
  }
  if (extra !== undefined) nodes[0]!.extra = extra;
  return nodes[0]!;
}

class Scan extends Value("x.Scan", { page: Uint8Array }) {}

describe("graph", () => {
  test("bytes are one value, however many there are: in a class, in a graph, and in several places", () => {
    const few = createWire({ values: [Scan], limits: { nodes: 50_000 } });
    const page = new Uint8Array(100_000).fill(1);
    const inTree = [new Scan({ page }), new Scan({ page }), new Scan({ page })];
    const [first, second] = few.decode(few.encode(inTree)) as Scan[];
    expect(first!.page).toStrictEqual(page);
    expect(second!.page).toBe(first!.page);
    const text = few.encode(ring(3_000, new Scan({ page })));
    expect(text).toContain('"graph"');
    expect((few.decode(text) as { extra: Scan }).extra.page).toStrictEqual(page);
  });

  test("many cycles: chosen by the encoder, linear, and the same again", () => {
    const text = wire.encode(ring(10_000));
    expect(
      text.startsWith(
        '{"__type__":"graph","__value__":{"shapes":[["{}","id",["next"],["previous"]]],"nodes":[[0,',
      ),
    ).toBe(true);
    expect(text.length).toBeLessThan(10_000 * 30);
    let node = wire.decode(text) as Node;
    for (let id = 0; id < 20_000; id++) {
      expect(node.id).toBe(id % 10_000);
      expect(node.next!.previous).toBe(node);
      node = node.next!;
    }
    expect(wire.encode(wire.decode(text))).toBe(text);
  });

  test("a list of 200,000 nodes", () => {
    let list: { n: number; rest: unknown } | null = null;
    for (let n = 0; n < 200_000; n++) list = { n, rest: list };
    let back = wire.decode(wire.encode(list)) as typeof list;
    for (let n = 199_999; n >= 0; n--) {
      if (back?.n !== n) throw new Error(`${back?.n} is not ${n}`);
      back = back.rest as typeof list;
    }
    expect(back).toBe(null);
  });

  test("all kinds of things in it, and shared", () => {
    const shared = { deep: [new Date(5), 5n, undefined, NaN] };
    const money = new Money({ amount: 5n, note: shared });
    const map = new Map<unknown, unknown>([
      [shared, money],
      ["k", new Set([shared, -0])],
    ]);
    const error = Object.assign(new RangeError("x", { cause: shared }), { code: 5 });
    const extra = {
      money,
      again: money,
      map,
      error,
      tag: { __type__: "a", __value__: shared },
      url: new Address("http://a/"),
      empty: [[], {}],
      ref: new Reference("a.B", { x: 1n }),
    };
    const root = ring(3000, extra);
    Object.assign(extra, { root });
    map.set("self", map);
    const text = wire.encode(root);
    expect(text).toContain('"graph"');
    const back = wire.decode(text) as Node & { extra: typeof extra & { root: Node } };
    const found = back.extra;
    expect(found.root).toBe(back);
    expect(found.money).toBeInstanceOf(Money);
    expect(found.again).toBe(found.money);
    const foundShared = found.money.note as typeof shared;
    expect([...found.map.keys()]).toStrictEqual([shared, "k", "self"]);
    expect([...found.map.keys()][0]).toBe(foundShared);
    expect(found.map.get("self")).toBe(found.map);
    expect((found.map.get("k") as Set<unknown>).has(foundShared)).toBe(true);
    expect(found.error).toBeInstanceOf(RangeError);
    expect([found.error.cause, found.error.code, found.error.message]).toStrictEqual([foundShared, 5, "x"]);
    expect(found.error.cause).toBe(foundShared);
    expect(found.tag.__value__).toBe(foundShared);
    expect([found.url.href, found.empty, found.ref]).toStrictEqual(["http://a/", [[], {}], extra.ref]);
    expect(wire.encode(back)).toBe(text);
  });

  test("keys of any spelling tell shapes apart", () => {
    const extra = [
      { "a\nb": 1, c: 2 },
      { a: 1, "b\nc": 2 },
      { a: 1, b: 2, c: 3 },
      { "a\nb\nc": 1 },
      { "": 1 },
      {},
      JSON.parse('{"__proto__":{"a":1}}'),
    ];
    expect((wire.decode(wire.encode(ring(3000, extra))) as Node).extra).toStrictEqual(extra);
  });

  test("a cycle through a class's own create is refused, with its path", () => {
    const around: Record<string, unknown> = {};
    around["money"] = new Money({ amount: 1n, note: around });
    expect(() => wire.encode(ring(3000, around))).toThrow(
      /value\.extra\.money\.note +cycle through shop\.Money/,
    );
  });

  test("what cannot travel is told with its path, as ever", () => {
    expect(() => wire.encode(ring(3000, { on() {} }))).toThrow(/value\.extra\.on +function/);
  });

  const graph = (shapes: unknown, nodes: unknown) =>
    JSON.stringify([{ __type__: "graph", __value__: { shapes, nodes } }]);
  test.each([
    ["no nodes", graph([["[]"]], [])],
    ["no content", '{"__type__":"graph","__value__":5}'],
    ["a shape of no type", graph([[5]], [[0]])],
    ["a shape of an unknown type", graph([["x.Nope"]], [[0, 1]])],
    ["a shape of a global's name", graph([["constructor"]], [[0, 1]])],
    ["a shape of a scalar's tag", graph([["bigint"]], [[0, "5"]])],
    ["a column of numbers that are none", graph([["[]", [""]]], [[0, "x"]])],
    ["a column of numbers of no node", graph([["{}", ["a"]]], [[0, 5]])],
    ["an array with two columns", graph([["[]", [""], [""]]], [[0, 0, 0]])],
    ["a shape with a key __proto__", graph([["{}", "__proto__"]], [[0, {}]])],
    ["a shape with a key twice", graph([["{}", "a", "a"]], [[0, 1, 2]])],
    ["an array with keys", graph([["[]", "length"]], [[0, 5]])],
    ["a row of no shape", graph([["[]"]], [[1]])],
    ["a row that is none", graph([["[]"]], [{ 0: 0 }])],
    ["a cell too many", graph([["{}", "a"]], [[0, 1, 2]])],
    ["a cell too few", graph([["{}", "a"]], [[0]])],
    ["a Map with half an entry", graph([["map"]], [[0, 1]])],
    ["a cell that is an object", graph([["[]"]], [[0, { a: 1 }]])],
    ["a cell that is a tag with values inside", graph([["[]"]], [[0, { __type__: "map", __value__: [] }]])],
    ["a cell that points nowhere", graph([["[]"]], [[0, [1]]])],
    ["a cell that points at a negative number", graph([["[]"]], [[0, [-1]]])],
    ["a cell that points at two", graph([["[]"]], [[0, [0, 0]]])],
    [
      "a class that holds itself",
      graph([["shop.Money", "amount", "note"]], [[0, { __type__: "bigint", __value__: "1" }, [0]]]),
    ],
    [
      "a class that holds what is filled after it",
      graph(
        [["shop.Money", "amount", "note"], ["set"]],
        [
          [0, { __type__: "bigint", __value__: "1" }, [1]],
          [1, [0]],
        ],
      ),
    ],
    ["a class with a wrong field", graph([["shop.Money", "amount"]], [[0, 5]])],
    ["an Error of a global's name", graph([["error", "name"]], [[0, "Function"]])],
  ])("refused: %s", (_name, text) => {
    expect(() => wire.decode(text)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_(TEXT_UNDECODABLE|TYPE_UNKNOWN)$/) }),
    );
  });

  test("its classes and references are known before it is decoded", () => {
    const text = graph([["x.Nope"], ["[]"]], [[1, { __type__: "ref", __value__: { model: "a.B", pk: 1 } }]]);
    expect(() => wire.decode(text)).toThrow(/string "x\.Nope"/);
  });

  test("what its instances lead to is known before it is decoded", () => {
    const { open } = createTaskWire({ values: [Money] });
    const amount = { __type__: "bigint", __value__: "1" };
    const cycle = graph(
      [["shop.Money", "amount", ["note"]], ["[]"]],
      [
        [1, [2]],
        [0, amount, 0],
        [1, 1],
      ],
    );
    expect(() => open(cycle, "value")).toThrow(
      "Cannot decode value[0]: expected graph: nodes in a class that are whole before it, found node 1: a cycle through it.",
    );
    const nowhere = open(graph([["[]"]], [[0, [1]]]), "value");
    expect(() => nowhere.decode()).toThrow(
      "the number of a node, and in a class of one before it, found node 0: [1]",
    );
  });
});
