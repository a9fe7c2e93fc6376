import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createWire } from "../../../wire/index.ts";
import { argumentsOf, payloadOf } from "./arguments.ts";
import { bodyText, embedOf, embedText, partsOfBody } from "./body.ts";

const wire = createWire();

/** A payload's text through a body, as bytes. */
function carried(payload: string, positional: readonly string[] = []): string {
  const { args, kwargs, ...how } = argumentsOf(payload, positional, "tasks.add");
  const bytes = Buffer.from(bodyText({ args, kwargs, embed: embedText({}) }));
  expect(JSON.parse(bytes.toString())).toHaveLength(3);
  return payloadOf(partsOfBody(bytes.toString()), JSON.parse(JSON.stringify(how)) as typeof how, positional);
}

describe("a payload as arguments", () => {
  test.each([
    ["its properties by name", '{"a":1, "b":[2]}', [], { args: [], kwargs: '{"a":1, "b":[2]}' }],
    [
      "the first ones by position",
      '{"x":1,"y":[2],"z":3}',
      ["x", "y"],
      { args: ["1", "[2]"], kwargs: '{"z":3}' },
    ],
    [
      "in another order",
      '{"z":3,"y":2,"x":1}',
      ["x", "y"],
      { args: ["1", "2"], kwargs: '{"z":3}', keys: ["z", "y", "x"] },
    ],
    ["what follows a missing one, by name", '{"y":2}', ["x", "y"], { args: [], kwargs: '{"y":2}' }],
    ["up to a missing one", '{"x":1,"z":3}', ["x", "y", "z"], { args: ["1"], kwargs: '{"z":3}' }],
    ["no object, as one argument", "[1,2]", ["x"], { args: ["[1,2]"], kwargs: "{}", payload: "argument" }],
    [
      "a tag, as one argument",
      '{"__type__":"map","__value__":[]}',
      [],
      { args: ['{"__type__":"map","__value__":[]}'], kwargs: "{}", payload: "argument" },
    ],
    [
      "what Kombu would take for a tag",
      '{"__value__":1,"__type__":5}',
      [],
      { args: ['{"__value__":1,"__type__":5}'], kwargs: "{}", payload: "argument" },
    ],
    [
      "nothing, as no argument",
      '{"__type__":"undefined","__value__":null}',
      [],
      { args: [], kwargs: "{}", payload: "undefined" },
    ],
    ["no JSON, as text", "{a", [], { args: ['"{a"'], kwargs: "{}", payload: "text" }],
    [
      "JSON with a lone surrogate, as text",
      '"\ud800"',
      [],
      { args: ['"\\"\\ud800\\""'], kwargs: "{}", payload: "text" },
    ],
    ["Python's NaN, as text", '{"a":NaN}', [], { args: ['"{\\"a\\":NaN}"'], kwargs: "{}", payload: "text" }],
    [
      "a large double, as Python's float",
      '{"a":9223372036854776000}',
      [],
      { args: [], kwargs: '{"a":9223372036854776000.0}' },
    ],
  ] as const)("%s", (_, payload, positional, expected) => {
    expect(argumentsOf(payload, positional, "t")).toStrictEqual(expected);
    expect(carried(payload, positional)).toBe(payload);
  });

  test("moves pointers to the place in the body, and back", () => {
    const shared = { "a/b": 1 };
    const list = [shared];
    const payload = wire.encode({ "x/~": list, y: shared, z: { list, self: [list] } });
    expect(argumentsOf(payload, [], "t").kwargs).toBe(
      '{"x/~":[{"a/b":1}],"y":{"__type__":"same","__value__":"/1/x~1~0/0"},"z":{"list":{"__type__":"same","__value__":"/1/x~1~0"},"self":[{"__type__":"same","__value__":"/1/x~1~0"}]}}',
    );
    expect(argumentsOf(payload, ["x/~", "y"], "t")).toStrictEqual({
      args: ['[{"a/b":1}]', '{"__type__":"same","__value__":"/0/0/0"}'],
      kwargs:
        '{"z":{"list":{"__type__":"same","__value__":"/0/0"},"self":[{"__type__":"same","__value__":"/0/0"}]}}',
    });
    expect(carried(payload)).toBe(payload);
    expect(carried(payload, ["x/~"])).toBe(payload);
    expect(carried(payload, ["x/~", "y"])).toBe(payload);
  });

  test("of an object that holds itself", () => {
    const self: { self?: object } = {};
    self.self = self;
    const payload = wire.encode(self);
    expect(argumentsOf(payload, [], "t").kwargs).toBe('{"self":{"__type__":"same","__value__":"/1"}}');
    expect(carried(payload)).toBe(payload);
    expect(() => argumentsOf(payload, ["self"], "tasks.add")).toThrow(
      expect.objectContaining({
        code: "ERR_PAYLOAD_REFUSED",
        message: expect.stringMatching(
          /to task "tasks.add" with positional[^]*payload\.self {3}the payload itself/,
        ),
      }),
    );
  });

  test("refuses a pointer that would point forward", () => {
    const shared = {};
    const payload = wire.encode({ z: shared, x: [shared] });
    expect(carried(payload)).toBe(payload);
    expect(() => argumentsOf(payload, ["x"], "t")).toThrow(
      expect.objectContaining({
        code: "ERR_PAYLOAD_REFUSED",
        refusals: [
          {
            path: "payload.x",
            kind: "the same object as in z",
            advice: "it travels before z, by `positional`: write x before z in the payload, or send a copy",
          },
        ],
      }),
    );
  });

  test("refuses what would look like a tag beside positional arguments", () => {
    const payload = '{"__type__":"a","__value__":1,"x":2}';
    expect(carried(payload)).toBe(payload);
    expect(() => argumentsOf(payload, ["x"], "t")).toThrow(/a name of the wire's tags/);
    expect(() => argumentsOf('{"x":1,"a":2,"a":3}', ["x"], "t")).toThrow(/payload\.a {3}a name twice/);
  });

  test.each([
    ["as objects", '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000)],
    ["as arrays", `{"x":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
  ])("10,000 levels, %s", (_, payload) => {
    expect(carried(payload)).toBe(payload);
    expect(carried(payload, ["x"])).toBe(payload);
  });
});

/** Values that share, that hold themselves, and tags of all kinds. */
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.double(),
      fc.bigInt(),
      fc.constantFrom(undefined, null, true, -0, 2 ** 63, "same", "/0"),
      fc.date(),
    ),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("x", "y", "was", "__type__", "__value__", "a/b~c")),
      tie("value"),
      { maxKeys: 4 },
    ),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
    tie("value").map((shared) => ({ x: shared, other: [shared, { y: shared }] })),
    tie("value").map((inside) => {
      const cycle: unknown[] = [inside];
      cycle.push({ cycle });
      return cycle;
    }),
  ),
})).value;

test("any payload comes back byte for byte", () => {
  fc.assert(
    fc.property(values, fc.constantFrom([], ["x"], ["y", "x"], ["missing"]), (value, positional) => {
      const payload = wire.encode(value);
      let text: string;
      try {
        text = carried(payload, positional);
      } catch (error) {
        // Only for what cannot be told apart so, and then with the advice.
        expect(error).toMatchObject({ code: "ERR_PAYLOAD_REFUSED" });
        expect(positional).not.toHaveLength(0);
        return;
      }
      expect(text).toBe(payload);
    }),
    { numRuns: 3000 },
  );
});

test("any text comes back", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.json()), (text) => {
      expect(carried(text)).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

describe("arguments as a payload", () => {
  const payload = (
    args: readonly string[],
    kwargs: string,
    positional: readonly string[] = [],
    how = {},
  ): string => payloadOf({ args, kwargs }, how, positional);

  test("of Celery's own messages", () => {
    expect(payload([], '{"a": 1}')).toBe('{"a": 1}');
    expect(payload([], "{}")).toBe("{}");
    expect(payload(["2", "[3]"], "{}", ["x", "y"])).toBe('{"x":2,"y":[3]}');
    expect(payload(["2"], '{"y": 3}', ["x", "y"])).toBe('{"x":2,"y":3}');
    expect(payload(["5"], "{}")).toBe("5");
    expect(payload(["NaN"], '{"y": 12345678901234567890}', ["x"])).toBe(
      '{"x":{"__type__":"number","__value__":"NaN"},"y":{"__type__":"bigint","__value__":"12345678901234567890"}}',
    );
    expect(payload(["1"], "{}", ['a"b'])).toBe('{"a\\"b":1}');
  });

  test.each([
    [
      "more than are named",
      ["1", "2"],
      "{}",
      ["x"],
      /expected the 1 that `positional` names, x, found 2 arguments/,
    ],
    ["where none is named", ["1", "2"], "{}", [], /name them in the engine's option `tasks`/],
    ["beside others, where none is named", ["1"], '{"a":1}', [], /name them in the engine's option `tasks`/],
    ["one twice", ["1"], '{"x":1}', ["x"], /no argument string "x", which is in body\[0\] too/],
    [
      "kwargs that are a tag",
      [],
      '{"__type__":"map","__value__":[]}',
      [],
      /arguments by their names, found a tag/,
    ],
    ["arguments that would be a tag", ["1"], '{"__value__":1}', ["__type__"], /found a tag/],
    ["kwargs that are none", [], "[]", [], /body\[1\]: expected an object, found an array/],
    ["kwargs that are null", [], "null", [], /body\[1\]: expected an object, found null/],
    [
      "a pointer to other arguments",
      [],
      '{"a":{"__type__":"same","__value__":"/0/0"}}',
      [],
      /found string "\/0\/0"/,
    ],
    [
      "a pointer to what follows",
      ["1"],
      '{"a":{"__type__":"same","__value__":"/2/chain"}}',
      ["x"],
      /pointers to what is in the same arguments/,
    ],
    ["a pointer to the body", ["1"], '{"a":{"__type__":"same","__value__":""}}', ["x"], /pointers to what/],
    [
      "a pointer to no argument",
      ["1"],
      '{"a":{"__type__":"same","__value__":"/0/00"}}',
      ["x"],
      /pointers to what/,
    ],
    [
      "a pointer to a method of lists",
      ["1"],
      '{"a":{"__type__":"same","__value__":"/0/length"}}',
      ["x"],
      /pointers to what/,
    ],
  ])("refuses %s", (_, args, kwargs, positional, message) => {
    expect(() => payload(args, kwargs, positional)).toThrow(
      expect.objectContaining({ code: "ERR_TEXT_UNDECODABLE", message: expect.stringMatching(message) }),
    );
  });

  test("what was changed on its way is not what it was: what our header says of it is not believed", () => {
    expect(payload(["1"], "{}", [], { payload: "text" })).toBe("1");
    expect(payload(["NaN"], "{}", [], { payload: "text" })).toBe('{"__type__":"number","__value__":"NaN"}');
    expect(payload(["1"], '{"y":2}', ["x"], { payload: "argument" })).toBe('{"x":1,"y":2}');
    expect(payload(["1"], "{}", ["x"], { payload: "undefined" })).toBe('{"x":1}');
    for (const keys of [["y"], ["y", "y"], ["x", "y", "z"], ["__proto__", "x"]])
      expect(payload(["1"], '{"y":2}', ["x"], { keys })).toBe('{"x":1,"y":2}');
    expect(payload(["1"], '{"y":2,"y":3}', ["x"], { keys: ["y", "x"] })).toBe('{"x":1,"y":2,"y":3}');
  });
});

describe("the third part", () => {
  test("is as Celery writes it", () => {
    expect(embedText({})).toBe('{"callbacks":null,"errbacks":null,"chain":null,"chord":null}');
    const embed = { callbacks: ["{}"], errbacks: [], chain: ['{"a": 1}', "{}"], chord: "{}" };
    expect(embedText(embed)).toBe('{"callbacks":[{}],"errbacks":null,"chain":[{"a": 1},{}],"chord":{}}');
    expect(embedOf(embedText(embed))).toStrictEqual(embed);
  });

  test.each([
    ["null", { callbacks: [], errbacks: [], chain: [] }],
    ["{}", { callbacks: [], errbacks: [], chain: [] }],
    [
      '{"callbacks": {"task": "a"}, "chord": null}',
      { callbacks: ['{"task": "a"}'], errbacks: [], chain: [] },
    ],
    ['{"chain": [], "other": 1}', { callbacks: [], errbacks: [], chain: [] }],
  ])("of %s", (text, expected) => {
    expect(embedOf(text)).toStrictEqual(expected);
  });

  test.each(["[]", "1", '"a"', '{"chain":1}', '{"callbacks":"a"}'])("is not %s", (text) => {
    expect(() => embedOf(text)).toThrow(expect.objectContaining({ code: "ERR_TEXT_UNDECODABLE" }));
  });
});
