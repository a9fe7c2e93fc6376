import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createWire } from "./index.ts";
import { parseJson } from "./parse-json.ts";

/** Keys of which V8 takes some for others: what is written as an escape, and what its text begins with. */
const keys = fc.string({
  unit: fc.constantFrom("\\", '"', "\n", "n", "u", "x", "/", "\u0001", "\ud800"),
  maxLength: 3,
});
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(1, null, '"\\":', "\\"),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.array(fc.tuple(keys, tie("tree")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

describe("parseJson", () => {
  test("reads the keys that are in the text, whatever was read before", () => {
    for (const text of ['{"h":[],"\\\\":0}', '{"h":1,"\\"":2}', '{"h":1,"\\nA":2}', '{"h":[],"\\\\n":0}'])
      for (let times = 0; times < 3; times++) expect(JSON.stringify(parseJson(text))).toBe(text);
    const wire = createWire();
    const runs = process.env["CI"] ? 10_000 : 2000;
    fc.assert(
      fc.property(tree, (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseJson(text))).toBe(text);
        const sent = wire.decode(wire.encode({ value, at: new Date(0) })) as { readonly value: unknown };
        expect(JSON.stringify(sent.value)).toBe(text);
      }),
      { numRuns: runs },
    );
  });

  test.each([
    ['{ "\\u0061" : 1, "b\\\\"\n: { "\\"": "\\":" } }', '{"a":1,"b\\\\":{"\\"":"\\":"}}'],
    ['{"\\u0061":1,"b":2,"a":3}', '{"a":3,"b":2}'],
    ['{"a":1,"b":2,"\\u0061":3}', '{"a":3,"b":2}'],
    ['{"\\n":1,"\\u0032":2,"1":3}', '{"1":3,"2":2,"\\n":1}'],
    ['{"\\n":1,"\\u000a":2}', '{"\\n":2}'],
    ['"\\\\\\""', '"\\\\\\""'],
    ['["\\"",{"a":"\\":"}]', '["\\"",{"a":"\\":"}]'],
    ['{"\\u005f_proto__":{"\\n":1}}', '{"__proto__":{"\\n":1}}'],
  ])("%s", (text, same) => {
    expect(JSON.stringify(parseJson(text))).toBe(same);
    expect(parseJson(text)).toStrictEqual(JSON.parse(text));
  });

  test.each(['{"\\n" 1}', '{"a\\":1}', '{"a"\\"b":1}', '{"\\x":1}', '\\":', '{"\\n":1', '"\\'])(
    "what is no JSON stays none: %s",
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );

  test("what is deep or large takes no recursion, and no time", () => {
    const deep = '{"\\n":'.repeat(20_000) + "1" + "}".repeat(20_000);
    let value = parseJson(deep);
    for (let level = 0; level < 20_000; level++) value = (value as Record<string, unknown>)["\n"];
    expect(value).toBe(1);
    const many = `{${Array.from({ length: 100_000 }, (_, number) => `"\\n${number}":"${"\\\\".repeat(20)}"`).join()}}`;
    expect(JSON.stringify(parseJson(many))).toBe(many);
  });
});
